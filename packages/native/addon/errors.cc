#include "errors.h"

#include <system_error>

void throwSystemError(Napi::Env env, int error, const std::string& operation) {
  Napi::Error exception = Napi::Error::New(env, std::system_category().message(error));
  exception.Set("errno", Napi::Number::New(env, error));
  exception.Set("operation", Napi::String::New(env, operation));
  throw exception;
}
