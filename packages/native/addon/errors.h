#pragma once

#include <napi.h>

#include <string>

/// Throws a JavaScript Error for a failed system call, with the fields `errno` and `operation` (what was attempted); native-error.ts turns
/// it into the error that users see.
[[noreturn]] void throwSystemError(Napi::Env env, int error, const std::string& operation);
