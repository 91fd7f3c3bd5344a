// Values that cross the Node-API boundary: handles of native objects, numbers and typed arrays, all checked. Only
// addon.cpp includes this.
#pragma once

#include <napi.h>

#include <cmath>
#include <memory>
#include <string>

#include "runtime/plan.h"

namespace lanewise {

/// Stores and executables are plain objects that carry one of these and a type tag. An object of another loaded copy of
/// this addon has another tag: the tag contains an address.
template <class T>
struct Handle {
  static const int tag_anchor;
  static napi_type_tag tag() { return {0x6c616e6577697365u, reinterpret_cast<uintptr_t>(&tag_anchor)}; }

  std::shared_ptr<T> value;
  int64_t external_bytes;
};
template <class T>
const int Handle<T>::tag_anchor = 0;

/// Wraps `value` for JavaScript and tells the garbage collector how much native memory hangs on it.
template <class T>
Napi::Value wrap(Napi::Env env, std::shared_ptr<T> value, int64_t external_bytes) {
  Napi::Object object = Napi::Object::New(env);
  const auto finalize = [](napi_env raw_env, void* data, void*) {
    auto* const handle = static_cast<Handle<T>*>(data);
    int64_t total;
    napi_adjust_external_memory(raw_env, -handle->external_bytes, &total);
    delete handle;
  };
  auto* const handle = new Handle<T>{std::move(value), external_bytes};
  const napi_type_tag tag = Handle<T>::tag();
  if (napi_wrap(env, object, handle, finalize, nullptr, nullptr) != napi_ok) {
    delete handle;
    return env.Undefined();
  }
  napi_type_tag_object(env, object, &tag);
  Napi::MemoryManagement::AdjustExternalMemory(env, external_bytes);
  return object;
}

/// Throws and returns nullptr when `value` is something else.
template <class T>
Handle<T>* unwrap(const Napi::Value& value, const char* what) {
  const napi_type_tag tag = Handle<T>::tag();
  bool matches = false;
  void* data = nullptr;
  if (value.IsObject() && napi_check_object_type_tag(value.Env(), value, &tag, &matches) == napi_ok && matches &&
      napi_unwrap(value.Env(), value, &data) == napi_ok) {
    return static_cast<Handle<T>*>(data);
  }
  Napi::TypeError::New(value.Env(), std::string(what) + " expected").ThrowAsJavaScriptException();
  return nullptr;
}

inline void throw_error(Napi::Env env, const std::string& sentence) {
  Napi::Error::New(env, sentence).ThrowAsJavaScriptException();
}
inline void throw_type(Napi::Env env, const std::string& sentence) {
  Napi::TypeError::New(env, sentence).ThrowAsJavaScriptException();
}
inline void throw_range(Napi::Env env, const std::string& sentence) {
  Napi::RangeError::New(env, sentence).ThrowAsJavaScriptException();
}

/// A whole number in [least, most]; throws otherwise.
inline bool whole_number(const Napi::Value& value, const char* what, int64_t least, int64_t most, int64_t& result) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (number >= static_cast<double>(least) && number <= static_cast<double>(most) && number == std::floor(number)) {
    result = static_cast<int64_t>(number);
    return true;
  }
  throw_range(value.Env(), std::string(what) + " must be a whole number from " + std::to_string(least) + " to " +
                               std::to_string(most));
  return false;
}

/// Memory of a typed array, good until JavaScript runs again.
struct Bytes {
  std::byte* data;
  int64_t bytes;
  int64_t count;
  int32_t dtype;
};

inline const char* array_name(int32_t dtype) {
  return dtype == kF32 ? "Float32Array" : dtype == kU8 ? "Uint8Array" : "Int32Array";
}

/// Copies happen at once, so only buffers that can change under the copy, or were never ours to see, are refused.
/// `is_resizable` is the getter of ArrayBuffer.prototype itself: a property of the buffer could lie.
inline bool bytes_of(const Napi::Value& value, const Napi::FunctionReference& is_resizable, const char* what,
                     Bytes& bytes) {
  const Napi::Env env = value.Env();
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  size_t offset = 0;
  if (value.IsTypedArray()) napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, &offset);
  const int32_t dtype = type == napi_float32_array ? kF32
                        : type == napi_uint8_array ? kU8
                        : type == napi_int32_array ? kI32
                                                   : -1;
  if (dtype < 0) {
    throw_type(env, std::string(what) + " must be a Float32Array, Uint8Array or Int32Array");
    return false;
  }
  bool ordinary = false, detached = false;
  napi_is_arraybuffer(env, buffer, &ordinary);
  if (!ordinary) {
    throw_type(env, std::string(what) + " lies in a SharedArrayBuffer, which other threads can change; pass a copy");
    return false;
  }
  napi_is_detached_arraybuffer(env, buffer, &detached);
  if (detached) {
    throw_type(env, std::string(what) + " lies in a detached ArrayBuffer");
    return false;
  }
  if (!is_resizable.IsEmpty()) {
    const Napi::Value resizable = is_resizable.Value().Call(buffer, {});
    if (env.IsExceptionPending()) return false;
    if (resizable.ToBoolean()) {
      throw_type(env, std::string(what) + " lies in a resizable ArrayBuffer; pass a copy");
      return false;
    }
  }
  const auto count = static_cast<int64_t>(length);
  bytes = {static_cast<std::byte*>(data), count * element_bytes(dtype), count, dtype};
  return true;
}

}  // namespace lanewise
