# SPDX-License-Identifier: GPL-2.0
"""
The house rules that no ready-made tool checks: sizes, and who may know whom.

Each rule is a function of the repository's file list and returns a list of
complaints, empty if all is well.
"""
import os
import re
import statistics

LIMITS = {".c": 600, ".h": 150}
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_MAX = 12, 40, 80

# A header may include those before it. What is not listed has to stay out of
# cycles, and nothing else.
ORDER = ("hf_abi.h", "hf_ffa.h", "hf_exit.h", "hf_vcpu.h", "hf_vm.h", "hf_mailbox.h", "hf_sock.h")
BESIDE = {"hf_pages.h": "hf_exit.h", "hf_flow.h": "hf_mailbox.h", "hf_wait.h": "hf_mailbox.h",
          "hf_tx.h": "hf_mailbox.h", "hf_txq.h": "hf_exit.h"}

# Words for persons where a state is meant ("who" has its uses), and in how many words one may stand.
PERSONS, PERSONS_IN = re.compile(r"\b(?:who(?:m|ever)?|(?:no|some|any|every)body|(?:some|any|every)one)\b", re.I), 1000

# pattern -> files of the module that may contain it
SEAMS = {
    r"\barm_smccc_\d_\d_(?:hvc|smc|invoke)\b|\barm_smccc_(?:hvc|smc)\b": ("hf_ffa.c",),
    r"\bset_current_state\s*\(|\bwake_up_process\s*\(|\bschedule\s*\(\)": ("hf_vcpu.c",),
    r"\bhf_pages_tx\b": ("hf_tx.c", "hf_pages.c", "hf_pages.h"),
    r"\bhf_pages_rx\b": ("hf_rx.c", "hf_pages.c", "hf_pages.h"),
}


def read(path):
    with open(path, encoding="utf-8", errors="replace") as text:
        return text.read()


def c_files(files):
    return [path for path in files if path.endswith((".c", ".h"))]


def module_files(files):
    return [path for path in files if re.fullmatch(r"hf_\w+\.[ch]", path)]


def file_sizes(files):
    bad = []
    for path in c_files(files):
        count, limit = read(path).count("\n"), LIMITS[os.path.splitext(path)[1]]
        if count > limit:
            bad.append(f"{path}: {count} lines, at most {limit}")
    return bad


def file_heads(files):
    """A head comment at the top, of at most 25 lines."""
    bad = []
    for path in c_files(files):
        match = re.match(r"(?://[^\n]*\n|/\*[^\n]*\*/\n)?(/\*.*?\*/)", read(path), re.S)
        if not match:
            bad.append(f"{path}: no head comment")
        elif match.group(1).count("\n") + 1 > 25:
            bad.append(f"{path}: head comment of {match.group(1).count(chr(10)) + 1} lines")
    return bad


def functions(path):
    """(name, lines of the body) of each function, by the brace in column 0."""
    name, start, found = None, None, []
    for number, line in enumerate(read(path).splitlines(), 1):
        if line == "{":
            start = number
        elif line.rstrip() in ("}", "};") and start is not None:
            found.append((name, number - start - 1))
            start = None
        elif start is None:
            match = re.match(r"(?!#)\S.*?(\w+)\s*\(", line)
            name = match.group(1) if match else name
    return found


def function_sizes(files):
    """Per area, because a long function must not hide among many small tests."""
    areas, bad = {}, []
    for path in files:
        if path.endswith(".c"):
            area = os.path.dirname(path) or "module"
            for name, lines in functions(path):
                areas.setdefault(area, []).append(lines)
                if lines > FUNCTION_MAX:
                    bad.append(f"{path}: {name}(): {lines} lines, at most {FUNCTION_MAX}")
    for area, sizes in sorted(areas.items()):
        median = statistics.median(sizes)
        p90 = sorted(sizes)[len(sizes) * 9 // 10]
        if median > FUNCTION_MEDIAN or p90 > FUNCTION_P90:
            bad.append(f"{area}: median of {len(sizes)} functions {median} (at most "
                       f"{FUNCTION_MEDIAN}), 90th percentile {p90} (at most {FUNCTION_P90})")
    return bad


def includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M)


def rank(header):
    header = BESIDE.get(header, header)
    return ORDER.index(header) if header in ORDER else None


def header_graph(files):
    """Acyclic, and only downwards in the order of the design."""
    graph = {path: [name for name in includes(path) if name.startswith("hf_")]
             for path in module_files(files) if path.endswith(".h")}
    bad = [f"{path} includes {name}, which is above it"
           for path, names in graph.items() for name in names
           if None not in (rank(name), rank(path)) and rank(name) > rank(path)]
    state = {}

    def visit(path, trail):
        if state.get(path) == "open":
            bad.append("cycle: " + " -> ".join(trail + [path]))
        elif path not in state:
            state[path] = "open"
            for name in graph.get(path, []):
                visit(name, trail + [path])
            state[path] = "closed"

    for path in graph:
        visit(path, [])
    return bad


def seams(files):
    """Things that only one file of the module may do."""
    bad = []
    for path in module_files(files):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m.group(0).count("\n"),
                      read(path), flags=re.S)
        for pattern, allowed in SEAMS.items():
            for match in re.finditer(pattern, text):
                if path not in allowed:
                    line = text.count("\n", 0, match.start()) + 1
                    bad.append(f"{path}:{line}: {match.group(0)} belongs into {allowed[0]}")
    return bad


def borders(files):
    """Userspace knows uapi/ only; bare code knows neither Linux nor the module."""
    bad = []
    for path in c_files(files):
        inside = includes(path)
        if path.startswith(("selftests/user/", "tools/")):
            bad += [f"{path} includes {name}" for name in inside
                    if os.path.basename(name).startswith("hf_")]
        elif path.startswith("selftests/bare/"):
            bad += [f"{path} includes {name}" for name in inside
                    if re.match(r"hf_(?!t)|.*\.\./\.\./", name)]
            bad += [f"{path} includes <{name}>" for name in
                    re.findall(r"^\s*#\s*include\s+<((?:linux|asm|hf)/[^>]+)>", read(path), re.M)]
    return bad


def licences(files):
    return [f"{path}: no SPDX line at the top" for path in files
            if not path.endswith((".md", ".patch", ".gitignore", "COPYING", ".bin", "VERSION",
                                 "/copyright", "source/format"))
            and "SPDX-License-Identifier" not in "\n".join(read(path).splitlines()[:4])]


def markers(files):
    """Left-overs, and paths of the machine somebody worked on."""
    words = re.compile("|".join((r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bX" r"XX\b",
                                 r"\bHA" r"CK\b", r"/wo" r"rk/", r"\.\./sha" r"red\b")))
    return [f"{path}:{number}: {line.strip()}" for path in files
            for number, line in enumerate(read(path).splitlines(), 1) if words.search(line)]


def product_texts(files):
    """(path, line, text) of the documents and of the comments of what is installed, in two lists."""
    comments, pages = [], []
    for path in files:
        if re.fullmatch(r"(hf_\w+|uapi/\w+/\w+|tools/\w+)\.[ch]", path):
            text = read(path)
            comments += [(path, text.count("\n", 0, match.start()) + 1, match.group(0))
                         for match in re.finditer(r"/\*.*?\*/|//[^\n]*", text, re.S)]
        elif re.fullmatch(r"README\.md|Documentation/.*\.(rst|\d)|tools/\w+\.\d", path):
            pages.append((path, 1, read(path)))
    return comments, pages


def english(files):
    """The subject of a sentence is a state or a thing: persons are below 1 in PERSONS_IN words."""
    bad = []
    for what, texts in zip(("comments", "documents"), product_texts(files)):
        words = sum(len(re.findall(r"[A-Za-z]+", text)) for _, _, text in texts)
        found = [f"{path}:{line + text.count(chr(10), 0, match.start())}: {match.group(0)}"
                 for path, line, text in texts for match in PERSONS.finditer(text)]
        if len(found) * PERSONS_IN >= words:
            bad += [f"{what}: {len(found)} persons in {words} words, less than 1 in {PERSONS_IN} wanted", *found]
    return bad


def whitespace(files):
    bad = []
    # A patch has a blank before an empty line.
    for path in [path for path in files if not path.endswith(".patch")]:
        text = read(path)
        if text and not text.endswith("\n"):
            bad.append(f"{path}: no newline at the end")
        bad += [f"{path}:{number}: trailing blanks" for number, line
                in enumerate(text.split("\n"), 1) if line != line.rstrip()]
    return bad


def version(_files):
    """The first release of the changelog, from which the packages have theirs, is VERSION's."""
    found = re.search(r"^## (\S+), \d{4}-\d\d-\d\d$", read("CHANGELOG.md"), re.M)
    told = found.group(1) if found else "nothing"
    real = read("VERSION").strip()
    return [] if told == real else [f"CHANGELOG.md begins with {told}, VERSION is {real}"]


RULES = {
    "file sizes": file_sizes,
    "file heads": file_heads,
    "function sizes": function_sizes,
    "header graph": header_graph,
    "seams of the module": seams,
    "borders between parts": borders,
    "licence lines": licences,
    "version of the changelog": version,
    "no left-over markers": markers,
    "english": english,
    "whitespace": whitespace,
}
