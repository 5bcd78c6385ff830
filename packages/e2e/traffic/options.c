#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

static const struct option_spec *find(const struct option_spec *specs, const char *word) {
  if (strncmp(word, "--", 2) != 0) return NULL;
  for (; specs->name; specs++) {
    if (strcmp(specs->name, word + 2) == 0) return specs;
  }
  return NULL;
}

static long number(const char *name, const char *text) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || end == text || *end) usage_error("--%s=%s: must be a whole number", name, text);
  return value;
}

void options_read(int argc, char *const argv[], const struct option_spec *specs) {
  for (int i = 0; i < argc; i++) {
    const struct option_spec *spec = find(specs, argv[i]);
    if (!spec) usage_error("%s: no such option", argv[i]);
    if (spec->kind == OPTION_FLAG) {
      *(int *)spec->value = 1;
      continue;
    }
    if (++i == argc) usage_error("--%s: needs a value", spec->name);
    if (spec->kind == OPTION_NUMBER) *(long *)spec->value = number(spec->name, argv[i]);
    if (spec->kind == OPTION_TEXT) *(const char **)spec->value = argv[i];
    if (spec->kind == OPTION_TEXTS) {
      struct texts *texts = spec->value;
      if (texts->count == (int)(sizeof texts->item / sizeof texts->item[0])) usage_error("--%s: given too often", spec->name);
      texts->item[texts->count++] = argv[i];
    }
  }
}

const char *option_required(const char *name, const char *value) {
  if (!value) usage_error("missing option --%s", name);
  return value;
}
