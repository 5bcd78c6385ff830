#pragma once

#include <napi.h>

#include <string>

/// Throws a JavaScript Error for a failed system call, with the fields `code` (the errno's name), `errno` and `operation`.
[[noreturn]] void throwSystemError(Napi::Env env, int error, const std::string& operation);
