// Stands in for Node for musl, which there is none of on Debian: a program linked with musl that loads an addon compiled for it and calls
// some of its functions. What it prints, musl-addon.test.ts compares.
//
//   musl-gcc -rdynamic -I/usr/include/node musl-host.c -o musl-host && LD_LIBRARY_PATH=FOLDER ./musl-host ADDON
//
// FOLDER: libstdc++.so.6 and libgcc_s.so.1. Debian's do, with the few functions of glibc that they call and musl lacks, below.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// ---- of glibc

char __libc_single_threaded = 0;
int __pthread_key_create(void) { abort(); }
int __cxa_thread_atexit_impl(void) { abort(); }
size_t __strftime_l(void) { abort(); }
unsigned arc4random(void) { abort(); }
/// libgcc_s.so.1 has these itself, in a version for old programs; musl, which knows no versions, passes over them.
int __cpu_indicator_init(void) { return 0; }
unsigned __cpu_model[4];

/// dlfcn.h of glibc 2.35: where the unwinder finds the tables of the code at an address.
struct dl_find_object {
  unsigned long long flags;
  void *map_start, *map_end;
  struct link_map *link_map;
  void *eh_frame;
  unsigned long long reserved[7];
};
struct search {
  uintptr_t address;
  struct dl_find_object *found;
};

static int contains(struct dl_phdr_info *object, size_t size, void *data) {
  struct search *search = data;
  (void)size;
  bool here = false;
  void *tables = NULL;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_GNU_EH_FRAME) tables = (void *)begin;
    if (header->p_type != PT_LOAD || search->address < begin || search->address - begin >= header->p_memsz) continue;
    here = true;
    search->found->map_start = (void *)begin;
    search->found->map_end = (void *)(begin + header->p_memsz);
  }
  if (here) search->found->eh_frame = tables;
  return here;
}

int _dl_find_object(void *address, struct dl_find_object *found) {
  struct search search = {(uintptr_t)address, memset(found, 0, sizeof *found)};
  return dl_iterate_phdr(contains, &search) && found->eh_frame != NULL ? 0 : -1;
}

// ---- Node-API, as far as the addon uses it here; nothing is freed

struct napi_value__ {
  napi_valuetype type;
  double number;
  char *text;
  napi_callback call;
  void *data;
  void *wrapped;
  struct {
    char *name;
    napi_value value;
  } fields[32];
  int count;
};
struct napi_callback_info__ {
  napi_value self;
  size_t count;
  napi_value arguments[4];
  void *data;
};

static napi_value thrown;

static napi_value new_value(napi_valuetype type) {
  napi_value value = calloc(1, sizeof *value);
  value->type = type;
  return value;
}
static napi_status give(napi_value *result, napi_value value) {
  *result = value;
  return napi_ok;
}
static napi_value number(double content) {
  napi_value value = new_value(napi_number);
  value->number = content;
  return value;
}
static napi_value text(const char *content, size_t length) {
  napi_value value = new_value(napi_string);
  value->text = length == NAPI_AUTO_LENGTH ? strdup(content) : strndup(content, length);
  return value;
}
static napi_value get(napi_value object, const char *name) {
  for (int i = 0; i < object->count; i++)
    if (strcmp(object->fields[i].name, name) == 0) return object->fields[i].value;
  fprintf(stderr, "there is no %s\n", name);
  exit(1);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value) {
  if (object->count == 32) abort();
  object->fields[object->count].name = strdup(name);
  object->fields[object->count++].value = value;
  return napi_ok;
}
napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  char name[16];
  snprintf(name, sizeof name, "%u", index);
  return napi_set_named_property(env, object, name, value);
}
napi_status napi_create_object(napi_env env, napi_value *result) { return give(result, new_value(napi_object)); }
napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value *result) { return give(result, new_value(napi_object)); }
napi_status napi_create_double(napi_env env, double value, napi_value *result) { return give(result, number(value)); }
napi_status napi_create_string_utf8(napi_env env, const char *content, size_t length, napi_value *result) {
  return give(result, text(content, length));
}
napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value *result) {
  napi_value error = new_value(napi_object);
  napi_set_named_property(env, error, "message", message);
  return give(result, error);
}
napi_status napi_create_function(napi_env env, const char *name, size_t length, napi_callback call, void *data, napi_value *result) {
  napi_value value = new_value(napi_function);
  value->call = call;
  value->data = data;
  return give(result, value);
}
napi_status napi_define_class(napi_env env, const char *name, size_t length, napi_callback constructor, void *data, size_t count,
                              const napi_property_descriptor *properties, napi_value *result) {
  napi_create_function(env, name, length, constructor, data, result);
  for (size_t i = 0; i < count; i++) {
    napi_value method;
    napi_create_function(env, NULL, 0, properties[i].method ? properties[i].method : properties[i].getter, properties[i].data, &method);
    napi_set_named_property(env, *result, properties[i].utf8name, method);
  }
  return napi_ok;
}
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t *result) {
  *result = (int32_t)value->number;
  return napi_ok;
}
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char *buffer, size_t size, size_t *length) {
  if (buffer != NULL) snprintf(buffer, size, "%s", value->text);
  if (length != NULL) *length = strlen(value->text);
  return napi_ok;
}
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *count, napi_value *arguments, napi_value *self, void **data) {
  if (arguments != NULL && count != NULL) memcpy(arguments, info->arguments, (*count < info->count ? *count : info->count) * sizeof *arguments);
  if (count != NULL) *count = info->count;
  if (self != NULL) *self = info->self;
  if (data != NULL) *data = info->data;
  return napi_ok;
}
napi_status napi_get_new_target(napi_env env, napi_callback_info info, napi_value *result) { return give(result, info->self); }
napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype *result) {
  *result = value->type;
  return napi_ok;
}
napi_status napi_wrap(napi_env env, napi_value object, void *native, napi_finalize finalize, void *hint, napi_ref *result) {
  object->wrapped = native;
  if (result != NULL) *result = (napi_ref)object;
  return napi_ok;
}
napi_status napi_unwrap(napi_env env, napi_value object, void **result) {
  *result = object->wrapped;
  return napi_ok;
}
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref *result) {
  *result = (napi_ref)value;
  return napi_ok;
}
napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value *result) { return give(result, (napi_value)reference); }
napi_status napi_delete_reference(napi_env env, napi_ref reference) { return napi_ok; }
napi_status napi_throw(napi_env env, napi_value error) {
  thrown = error;
  return napi_ok;
}
napi_status napi_is_exception_pending(napi_env env, bool *result) {
  *result = thrown != NULL;
  return napi_ok;
}
/// Asked only about a mark on errors that wrap other values.
napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool *result) {
  *result = false;
  return napi_ok;
}
napi_status napi_get_undefined(napi_env env, napi_value *result) { return give(result, new_value(napi_undefined)); }
napi_status napi_open_handle_scope(napi_env env, napi_handle_scope *result) {
  *result = NULL;
  return napi_ok;
}
napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) { return napi_ok; }
napi_status napi_add_finalizer(napi_env env, napi_value object, void *data, napi_finalize finalize, void *hint, napi_ref *result) {
  return napi_ok;
}

// ---- the test

static napi_value call(napi_value function, napi_value self, size_t count, napi_value first, napi_value second) {
  struct napi_callback_info__ info = {self, count, {first, second}, function->data};
  thrown = NULL;
  return function->call(NULL, &info);
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  void *addon = dlopen(arguments[1], RTLD_LAZY);
  if (addon == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  napi_value (*start)(napi_env, napi_value) = dlsym(addon, "napi_register_module_v1");
  napi_value exports = start(NULL, new_value(napi_object));
  printf("packetOverhead %g\n", get(exports, "packetOverhead")->number);

  // Strings, vectors, sockets.
  char name[32];
  snprintf(name, sizeof name, "nfqlb-musl-%d", getpid());
  napi_value listener = call(get(exports, "listenAbstract"), NULL, 2, text(name, NAPI_AUTO_LENGTH), number(8));
  napi_value connected = call(get(exports, "connectAbstract"), NULL, 1, text(name, NAPI_AUTO_LENGTH), NULL);
  const int accepted = accept((int)listener->number, NULL, NULL);
  napi_value peer = call(get(exports, "peerCredentials"), NULL, 1, number(accepted), NULL);
  printf("peer: uid %g, %s\n", get(peer, "uid")->number, get(peer, "pid")->number == getpid() ? "this process" : "another process");
  close((int)connected->number);

  // Exceptions, and messages of the C library.
  call(get(exports, "connectAbstract"), NULL, 1, text("nobody listens", NAPI_AUTO_LENGTH), NULL);
  printf("%s: errno %g, %s\n", get(thrown, "operation")->text, get(thrown, "errno")->number, get(thrown, "message")->text);

  // Objects.
  napi_value wakeup = get(exports, "Wakeup");
  napi_value object = new_value(napi_object);
  call(wakeup, object, 0, NULL, NULL);
  call(get(wakeup, "signal"), object, 0, NULL, NULL);
  uint64_t signals = 0;
  const int descriptor = (int)call(get(wakeup, "fd"), object, 0, NULL, NULL)->number;
  if (read(descriptor, &signals, sizeof signals) != sizeof signals) return 1;
  printf("signals %d\n", (int)signals);
  return 0;
}
