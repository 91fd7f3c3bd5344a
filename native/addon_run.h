// A run as one or more jobs in libuv's thread pool. Only addon.cpp includes this.
#pragma once

#include <napi.h>

#include <memory>

#include "runtime/executable.h"

namespace lanewise {

/// A run on its way through libuv's thread pool. Its shared pointer keeps plan and memory alive, whatever the garbage
/// collector or a terminating worker does meanwhile. Deletes itself at the end.
struct Run {
  std::shared_ptr<Executable> executable;
  napi_deferred deferred;
  napi_async_work work;
  Executable::Progress progress;

  bool queue(napi_env env);
  void complete(napi_env env, napi_status status);
  void settle(napi_env env, const char* refusal);
};

/// A run is one job, unless it is longer than this. Then the next job is queued only if JavaScript still runs: a
/// terminated worker waits for the job in flight, and nothing tells the job to hurry.
inline constexpr int64_t kJobNs = 500'000'000;

inline bool Run::queue(napi_env env) {
  const auto execute = [](napi_env, void* data) {
    auto& run = *static_cast<Run*>(data);
    run.progress = run.executable->advance(kJobNs);
  };
  const auto complete = [](napi_env raw_env, napi_status status, void* data) {
    static_cast<Run*>(data)->complete(raw_env, status);
  };
  napi_value name = nullptr;
  return napi_create_string_utf8(env, "lanewise.run", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_async_work(env, nullptr, name, execute, complete, this, &work) == napi_ok &&
         napi_queue_async_work(env, work) == napi_ok;
}

/// Also called when the environment is being torn down, where no call into JavaScript succeeds any more.
inline void Run::complete(napi_env env, napi_status status) {
  napi_delete_async_work(env, work);
  napi_value global = nullptr, object = nullptr;
  const bool alive = status == napi_ok && !executable->stopped() && napi_get_global(env, &global) == napi_ok &&
                     napi_get_named_property(env, global, "Object", &object) == napi_ok;
  if (alive && progress == Executable::Progress::kMore && queue(env)) return;
  settle(env, alive && progress != Executable::Progress::kMore ? nullptr : "run: stopped because its thread is ending");
}

/// Resolves, or rejects with `refusal`, and ends the run.
inline void Run::settle(napi_env env, const char* refusal) {
  executable->store().running = nullptr;
  executable->finish();
  napi_value result = nullptr, message = nullptr;
  if (refusal == nullptr) {
    napi_get_boolean(env, progress == Executable::Progress::kDone, &result);
    napi_resolve_deferred(env, deferred, result);
  } else {
    napi_create_string_utf8(env, refusal, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &result);
    napi_reject_deferred(env, deferred, result);
  }
  delete this;
}

}  // namespace lanewise
