// The Node-API boundary, typed for TypeScript in lib/backend/native-binding.ts. With addon_values.h the only
// code that knows JavaScript. Everything that comes from there is checked; tensor data is copied in and out, never
// referenced, because a JavaScript buffer can be detached or resized while native code runs.
#include <napi.h>

#include <cstring>
#include <memory>
#include <string>

#include "addon_run.h"
#include "addon_values.h"
#include "runtime/executable.h"
#include "runtime/machine.h"
#include "runtime/measure.h"

namespace lanewise {
namespace {

constexpr char kInFlight[] = "a run on the same store is still in flight; await it first";

/// State of one JavaScript environment (the main thread, or a worker).
class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports);

 private:
  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value create_store(const Napi::CallbackInfo& info);
  void write_store(const Napi::CallbackInfo& info);
  void read_store(const Napi::CallbackInfo& info);
  Napi::Value compile(const Napi::CallbackInfo& info);
  void write(const Napi::CallbackInfo& info);
  void read(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value profile(const Napi::CallbackInfo& info);
  Napi::Value workspace_bytes(const Napi::CallbackInfo& info);
  Napi::Value measure(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);

  bool store_range(const Napi::CallbackInfo& info, std::byte*& memory, Bytes& bytes);
  Executable* plan_tensor(const Napi::CallbackInfo& info, int64_t& index, Bytes& bytes);

  const StopFlag stop_ = new_stop_flag();
  Napi::FunctionReference is_resizable_;
};

Addon::Addon(Napi::Env env, Napi::Object exports) {
  DefineAddon(exports, {
                           InstanceMethod("info", &Addon::info),
                           InstanceMethod("createStore", &Addon::create_store),
                           InstanceMethod("writeStore", &Addon::write_store),
                           InstanceMethod("readStore", &Addon::read_store),
                           InstanceMethod("compile", &Addon::compile),
                           InstanceMethod("write", &Addon::write),
                           InstanceMethod("read", &Addon::read),
                           InstanceMethod("run", &Addon::run),
                           InstanceMethod("profile", &Addon::profile),
                           InstanceMethod("workspaceBytes", &Addon::workspace_bytes),
                           InstanceMethod("measure", &Addon::measure),
                           InstanceMethod("stop", &Addon::stop),
                           InstanceValue("opTableHash", Napi::Number::New(env, kOpTableHash), napi_enumerable),
                       });
  const Napi::Object global = env.Global();
  const auto prototype = global.Get("ArrayBuffer").As<Napi::Object>().Get("prototype").As<Napi::Object>();
  const auto describe = global.Get("Object").As<Napi::Object>().Get("getOwnPropertyDescriptor").As<Napi::Function>();
  const Napi::Value descriptor = describe.Call({prototype, Napi::String::New(env, "resizable")});
  if (descriptor.IsObject()) {
    is_resizable_ = Napi::Persistent(descriptor.As<Napi::Object>().Get("get").As<Napi::Function>());
  }
  env.AddCleanupHook([stop = stop_] { stop->store(true); });
}

Napi::Value Addon::info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array levels = Napi::Array::New(env);
  for (const char* level : isa_levels()) levels.Set(levels.Length(), level);
  const double quota = cpu_quota();
  Napi::Object result = Napi::Object::New(env);
  result.Set("isaLevels", levels);
  result.Set("threads", default_threads());
  result.Set("affinity", affinity());
  result.Set("quota", quota > 0 ? Napi::Number::New(env, quota) : env.Null());
  return result;
}

Napi::Value Addon::create_store(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t bytes;
  if (!whole_number(info[0], "createStore: bytes", 0, physical_memory_bytes(), bytes)) return env.Undefined();
  const std::shared_ptr<Store> store(new Store);
  store->memory = Memory(bytes);
  if (store->memory.bytes() < bytes) {
    throw_error(env, "createStore: not enough memory for " + std::to_string(bytes) + " bytes");
    return env.Undefined();
  }
  return wrap(env, store, bytes);
}

/// Arguments (store, byteOffset, array) of writeStore and readStore.
bool Addon::store_range(const Napi::CallbackInfo& info, std::byte*& memory, Bytes& bytes) {
  auto* const handle = unwrap<Store>(info[0], "a store");
  int64_t offset;
  if (handle == nullptr || !bytes_of(info[2], is_resizable_, "the array", bytes)) return false;
  Store& store = *handle->value;
  if (!whole_number(info[1], "byteOffset", 0, store.memory.bytes(), offset)) return false;
  if (bytes.bytes > store.memory.bytes() - offset) {
    throw_range(info.Env(), std::to_string(bytes.bytes) + " bytes at " + std::to_string(offset) +
                                " do not lie inside the store of " + std::to_string(store.memory.bytes()));
    return false;
  }
  if (store.running != nullptr) {
    throw_error(info.Env(), kInFlight);
    return false;
  }
  memory = store.memory.data() + offset;
  return true;
}

void Addon::write_store(const Napi::CallbackInfo& info) {
  std::byte* memory;
  Bytes source;
  if (!store_range(info, memory, source) || source.bytes == 0) return;
  ++unwrap<Store>(info[0], "a store")->value->version;
  std::memcpy(memory, source.data, source.bytes);
}

void Addon::read_store(const Napi::CallbackInfo& info) {
  std::byte* memory;
  Bytes target;
  if (store_range(info, memory, target) && target.bytes > 0) std::memcpy(target.data, memory, target.bytes);
}

Napi::Value Addon::compile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* const store = unwrap<Store>(info[0], "compile: a store");
  Bytes words;
  if (store == nullptr || !bytes_of(info[1], is_resizable_, "compile: the plan", words)) return env.Undefined();
  if (words.dtype != kI32) {
    throw_type(env, "compile: the plan must be an Int32Array");
    return env.Undefined();
  }
  // Decoded before anything else runs JavaScript (an options getter could change the words).
  Plan plan;
  std::string error =
      decode_plan(reinterpret_cast<const int32_t*>(words.data), words.count, store->value->memory.bytes(), plan);
  if (error.empty() && !info[2].IsObject()) error = "options expected";
  if (!error.empty()) {
    throw_error(env, "compile: " + error);
    return env.Undefined();
  }
  const Napi::Value isa = info[2].As<Napi::Object>().Get("isa");
  if (env.IsExceptionPending()) return env.Undefined();
  const Napi::Value threads_option = info[2].As<Napi::Object>().Get("threads");
  if (env.IsExceptionPending()) return env.Undefined();
  int64_t threads;
  if (!whole_number(threads_option, "compile: threads", 1, kMaxThreads, threads)) return env.Undefined();
  if (!isa.IsString()) {
    throw_type(env, "compile: isa must be a string");
    return env.Undefined();
  }
  auto executable = Executable::create(store->value, std::move(plan), isa.As<Napi::String>().Utf8Value().c_str(),
                                       static_cast<int>(threads), stop_, error);
  if (executable == nullptr) {
    throw_error(env, "compile: " + error);
    return env.Undefined();
  }
  // The store has grown when this plan needs more scratch memory than the others.
  const int64_t store_bytes = store->value->memory.bytes() + store->value->scratch->bytes();
  Napi::MemoryManagement::AdjustExternalMemory(env, store_bytes - store->external_bytes);
  store->external_bytes = store_bytes;
  const int64_t bytes = executable->owned_bytes();
  return wrap(env, std::move(executable), bytes);
}

/// Arguments (executable, tensor, array) of write and read; nullptr after throwing.
Executable* Addon::plan_tensor(const Napi::CallbackInfo& info, int64_t& index, Bytes& bytes) {
  const Napi::Env env = info.Env();
  auto* const handle = unwrap<Executable>(info[0], "an executable");
  if (handle == nullptr || !bytes_of(info[2], is_resizable_, "the array", bytes)) return nullptr;
  const auto& tensors = handle->value->plan().tensors;
  if (tensors.empty()) {
    throw_range(env, "the plan has no tensors");
    return nullptr;
  }
  if (!whole_number(info[1], "tensor", 0, static_cast<int64_t>(tensors.size()) - 1, index)) return nullptr;
  const Tensor* const tensor = &tensors[index];
  if (!handle->value->outlasts_runs(index)) {
    throw_range(env, "the tensor exists only during a run");
    return nullptr;
  }
  if (bytes.dtype != tensor->dtype) {
    throw_type(env,
               std::string("the tensor needs a ") + array_name(tensor->dtype) + ", not a " + array_name(bytes.dtype));
    return nullptr;
  }
  if (bytes.count != tensor->count) {
    throw_range(
        env, "the tensor has " + std::to_string(tensor->count) + " elements, the array " + std::to_string(bytes.count));
    return nullptr;
  }
  if (handle->value->in_use(index)) {
    throw_error(env, kInFlight);
    return nullptr;
  }
  return handle->value.get();
}

void Addon::write(const Napi::CallbackInfo& info) {
  int64_t index;
  Bytes source;
  Executable* const executable = plan_tensor(info, index, source);
  if (executable == nullptr) return;
  executable->before_write(index);
  std::memcpy(executable->plan().tensors[index].data, source.data, source.bytes);
}

void Addon::read(const Napi::CallbackInfo& info) {
  int64_t index;
  Bytes target;
  const Executable* const executable = plan_tensor(info, index, target);
  if (executable != nullptr) std::memcpy(target.data, executable->plan().tensors[index].data, target.bytes);
}

Napi::Value Addon::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* const handle = unwrap<Executable>(info[0], "run: an executable");
  if (handle == nullptr) return env.Undefined();
  const std::shared_ptr<Executable> executable = handle->value;
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) return env.Undefined();
  Store& store = executable->store();
  if (store.running != nullptr) {
    const Napi::Error error = Napi::Error::New(env, std::string("run: ") + kInFlight);
    napi_reject_deferred(env, deferred, error.Value());
    return {env, promise};
  }
  store.running = executable.get();
  executable->restart();
  auto* const run = new Run{executable, deferred, nullptr, Executable::Progress::kMore};
  if (!run->queue(env)) run->settle(env, "run: no asynchronous work can be started");
  return {env, promise};
}

Napi::Value Addon::profile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* const handle = unwrap<Executable>(info[0], "profile: an executable");
  if (handle == nullptr) return env.Undefined();
  if (handle->value->running()) {
    throw_error(env, kInFlight);
    return env.Undefined();
  }
  const auto& nanoseconds = handle->value->profile();
  Napi::Float64Array result = Napi::Float64Array::New(env, nanoseconds.size());
  for (size_t i = 0; i < nanoseconds.size(); ++i) result[i] = nanoseconds[i];
  return result;
}

Napi::Value Addon::workspace_bytes(const Napi::CallbackInfo& info) {
  auto* const handle = unwrap<Executable>(info[0], "workspaceBytes: an executable");
  if (handle == nullptr) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(handle->value->workspace_bytes()));
}

Napi::Value Addon::measure(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string kind = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  const std::string isa = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  int64_t threads;
  if (!whole_number(info[2], "measure: threads", 1, kMaxThreads, threads)) return env.Undefined();
  if (kind != "fma" && kind != "read") {
    throw_type(env, "measure: the kind is 'fma' or 'read'");
    return env.Undefined();
  }
  const auto measured = kind == "fma" ? measure_fma_peak : measure_read_bandwidth;
  const double rate = measured(isa.c_str(), static_cast<int>(threads));
  if (rate < 0) {
    throw_error(env, "measure: the instruction set " + isa + " is not usable here, or memory is short");
    return env.Undefined();
  }
  return Napi::Number::New(env, rate);
}

void Addon::stop(const Napi::CallbackInfo& info) {
  if (info[0].ToBoolean()) {
    stop_everything();
  } else {
    stop_->store(true);
  }
}

}  // namespace
}  // namespace lanewise

using LanewiseAddon = lanewise::Addon;
NODE_API_ADDON(LanewiseAddon)
