#include "mapping.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "errors.h"
#include "sigbus_guard.h"

class Mapping::Pages {
 public:
  Pages(void* begin, size_t size) : begin_(begin), size_(size), damaged_(sigbus_guard::guard(begin, size)) {}
  Pages(const Pages&) = delete;

  bool isDamaged() const { return damaged_ != nullptr && damaged_->load(); }

  void unmap() {
    if (begin_ == nullptr) return;
    sigbus_guard::release(begin_);
    munmap(begin_, size_);
    begin_ = nullptr;
  }

 private:
  void* begin_;
  const size_t size_;
  const std::atomic<bool>* const damaged_;
};

/// What a buffer owns. Not a `std::shared_ptr`, which needs glibc 2.32.
struct Mapping::Owner {
  std::unique_ptr<Pages> pages;
  /// Set when the buffer is freed, as long as the constructor runs.
  bool* isFreed;
};

/// V8 counts the memory of its buffers, and collects garbage to free it. These pages belong to a file and are released on close, so they
/// are subtracted from V8's count here. Otherwise, packets waited for 20 ms in a worker that maps thousands of tables. Only while V8 has the
/// buffer in its count: since Node 24 it ends the process when that falls below zero.
static void adjustCount(napi_env env, int64_t octets) {
  int64_t ignored;
  napi_adjust_external_memory(env, octets, &ignored);
}

Napi::Function Mapping::define(Napi::Env env) {
  return DefineClass(env, "Mapping",
                     {InstanceAccessor<&Mapping::buffer>("buffer"), InstanceAccessor<&Mapping::damaged>("damaged"),
                      InstanceMethod<&Mapping::close>("close")});
}

Mapping::Mapping(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Mapping>(info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const size_t size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  const bool writable = info[2].As<Napi::Boolean>();
  // JavaScript has no read-only ArrayBuffer, and a write to a page without PROT_WRITE would kill the process. A private page can be
  // written, visible only to the writer. Until then Linux shows the file's page, including changes by others.
  void* begin = mmap(nullptr, size, PROT_READ | PROT_WRITE, writable ? MAP_SHARED : MAP_PRIVATE, fd, 0);
  if (begin == MAP_FAILED) throwSystemError(env, errno, "mapping");
  const auto owner = new Owner{std::make_unique<Pages>(begin, size), nullptr};
  bool isFreed = false;
  owner->isFreed = &isFreed;

  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      env, begin, size, [](napi_env, void*, void* hint) {
        const std::unique_ptr<Owner> owner(static_cast<Owner*>(hint));
        owner->pages->unmap();
        if (owner->isFreed != nullptr) *owner->isFreed = true;
      }, owner, &buffer);
  if (status != napi_ok) {
    // For a buffer that is too large (4 GiB in Node 20), Node has already called the function above.
    if (!isFreed) {
      owner->pages->unmap();
      delete owner;
    }
    napi_value exception;
    napi_get_and_clear_last_exception(env, &exception);
    if (status == napi_no_external_buffers_allowed) throwSystemError(env, ENOTSUP, "mapping into a runtime without external buffers");
    throwSystemError(env, EFBIG, "mapping");
  }
  owner->isFreed = nullptr;
  discounted_ = static_cast<int64_t>(size);
  adjustCount(env, -discounted_);
  pages_ = owner->pages.get();
  buffer_ = Napi::Persistent(Napi::ArrayBuffer(env, buffer));
}

Napi::Value Mapping::buffer(const Napi::CallbackInfo&) {
  return buffer_.Value();
}

Napi::Value Mapping::damaged(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), pages_ != nullptr && pages_->isDamaged());
}

/// Detaches first, so that no view can read the memory any more. Unmaps immediately: V8 releases a detached buffer's memory in a later
/// event-loop turn, which never comes in a queue's worker.
void Mapping::close(const Napi::CallbackInfo& info) {
  if (pages_ == nullptr) return;
  Pages* const pages = std::exchange(pages_, nullptr);
  adjustCount(info.Env(), std::exchange(discounted_, 0));
  buffer_.Value().Detach();
  pages->unmap();
}

/// Not closed, and garbage now. The pages may be gone already: when an environment ends, buffers are finalized before other objects.
void Mapping::Finalize(Napi::Env env) {
  adjustCount(env, discounted_);
}

void allocate(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const off_t size = static_cast<off_t>(info[1].As<Napi::Number>().Int64Value());
  int error;
  // Not ftruncate(): if /dev/shm is full, the first write would raise SIGBUS.
  do error = posix_fallocate(fd, 0, size);
  while (error == EINTR);
  if (error != 0) throwSystemError(info.Env(), error, "allocating");
}

void lock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  // flock() has no timeout: retry every millisecond.
  for (int left = info[1].As<Napi::Number>().Int32Value(); flock(fd, LOCK_EX | LOCK_NB) < 0; left--) {
    if (errno != EWOULDBLOCK && errno != EINTR) throwSystemError(env, errno, "locking");
    if (left <= 0) throwSystemError(env, ETIMEDOUT, "locking");
    const timespec pause = {0, 1000000};
    nanosleep(&pause, nullptr);
  }
}

void unlock(const Napi::CallbackInfo& info) {
  flock(info[0].As<Napi::Number>().Int32Value(), LOCK_UN);
}
