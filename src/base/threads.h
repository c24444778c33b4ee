// The one threading seam: fork, work, join.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "assay/base.h"

namespace assay {

/// Threads that parallel_for would use at most: one within a body of it, else those of the innermost
/// ThreadLimitScope, else thread_limit(), or one per processor when that is 0.
[[nodiscard]] unsigned worker_count();

/// Splits [begin, end) into ranges of at least `grain` and calls body(first, last) for each, on up to
/// worker_count() threads, the caller's among them. Returns when all are done. `body` must not throw. Calls
/// from within a body run on the calling thread alone.
void parallel_for(std::size_t begin, std::size_t end, std::size_t grain,
                  const std::function<void(std::size_t, std::size_t)>& body);

namespace internal {

/// Where the progress of this thread's calls goes: threads that work for a call take it over from the caller.
[[nodiscard]] std::shared_ptr<ProgressSink> progress_sink();

/// While it lives, this thread's progress goes there.
class ProgressSinkScope {
 public:
  explicit ProgressSinkScope(std::shared_ptr<ProgressSink> sink);
  ~ProgressSinkScope();
  ProgressSinkScope(const ProgressSinkScope&) = delete;
  ProgressSinkScope& operator=(const ProgressSinkScope&) = delete;

 private:
  std::shared_ptr<ProgressSink> before_;
};

}  // namespace internal

/// Reports the progress of a phase of `total` steps to the handler, at most about ten times a second.
class Progress {
 public:
  Progress(std::string_view phase, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Thread-safe.
  void advance(std::uint64_t steps = 1);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace assay
