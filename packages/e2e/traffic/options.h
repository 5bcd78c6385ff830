#pragma once
// Command-line options: `--name value` only, all that the tests need.

enum option_kind {
  OPTION_NUMBER,  // value: long *
  OPTION_TEXT,  // value: const char **
  OPTION_TEXTS,  // value: struct texts *, the option may be repeated
  OPTION_FLAG,  // value: int *, takes no value
};

struct texts {
  const char *item[512];
  int count;
};

struct option_spec {
  const char *name;
  enum option_kind kind;
  void *value;
};

// Reads argv (without the program's and the command's name). `specs` ends with a name of NULL. Exits with status 2 and one line on
// stderr for an unknown option or a bad value.
void options_read(int argc, char *const argv[], const struct option_spec *specs);

// Exits with status 2 unless the option was given.
const char *option_required(const char *name, const char *value);
