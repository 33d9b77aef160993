// SPDX-License-Identifier: GPL-2.0
/* A small vsnprintf(); see format.h. It owns no memory and calls nobody. */
#include "format.h"

struct out {
	char *buf;
	size_t size;
	size_t len;
};

struct spec {
	char pad;
	unsigned int width;
	bool is_long;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len++] = c;
}

static void put_string(struct out *o, const char *s, struct spec spec)
{
	unsigned int n = 0;

	for (; *s; s++, n++)
		put(o, *s);
	for (; n < spec.width; n++)
		put(o, ' ');
}

static void put_number(struct out *o, u64 value, unsigned int base, bool negative,
		       struct spec spec)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);

	if (negative && spec.pad == '0')
		put(o, '-');
	for (unsigned int i = n + negative; i < spec.width; i++)
		put(o, spec.pad);
	if (negative && spec.pad != '0')
		put(o, '-');
	while (n)
		put(o, digits[--n]);
}

static const char *parse_spec(const char *p, struct spec *spec)
{
	*spec = (struct spec){ .pad = ' ' };
	if (*p == '0')
		spec->pad = '0';
	while (*p >= '0' && *p <= '9')
		spec->width = spec->width * 10 + (unsigned int)(*p++ - '0');
	for (; *p == 'l' || *p == 'z'; p++)
		spec->is_long = true;
	return p;
}

/* One conversion; va_list is passed by address because it must advance. */
static void convert(struct out *o, char c, struct spec spec, va_list *args)
{
	s64 value;

	switch (c) {
	case 'd':
		value = spec.is_long ? va_arg(*args, s64) : va_arg(*args, int);
		put_number(o, value < 0 ? -(u64)value : (u64)value, 10, value < 0, spec);
		break;
	case 'u':
	case 'x':
		put_number(o, spec.is_long ? va_arg(*args, u64) : va_arg(*args, unsigned int),
			   c == 'x' ? 16 : 10, false, spec);
		break;
	case 'p':
		put_number(o, (uintptr_t)va_arg(*args, void *), 16, false, spec);
		break;
	case 's':
		put_string(o, va_arg(*args, const char *), spec);
		break;
	case 'c':
		put(o, (char)va_arg(*args, int));
		break;
	default:
		put(o, c);
		break;
	}
}

size_t format_va(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size };
	struct spec spec;
	va_list ap;

	va_copy(ap, args);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec);
		if (!*fmt)
			break;
		convert(&o, *fmt, spec, &ap);
	}
	va_end(ap);
	if (size)
		buf[o.len] = '\0';
	return o.len;
}
