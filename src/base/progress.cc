#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>

#include "base/threads.h"

namespace assay {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

struct internal::ProgressSink {
  std::mutex mutex;
  ProgressHandler call;
  std::atomic<bool> present{false};
};

namespace {

using Sink = internal::ProgressSink;

const std::shared_ptr<Sink>& process_wide() {
  static const auto sink = std::make_shared<Sink>();
  return sink;
}

thread_local std::shared_ptr<Sink> own_sink;  // of the innermost scope; null for the process-wide one

void set_call(Sink& sink, ProgressHandler call) {
  const std::lock_guard lock(sink.mutex);
  sink.present.store(static_cast<bool>(call));
  sink.call = std::move(call);
}

}  // namespace

struct Progress::State {
  State(std::string_view name, std::uint64_t count)
      : phase(name), total(count), sink(internal::progress_sink()) {}

  std::string phase;
  std::uint64_t total;
  std::shared_ptr<Sink> sink;
  std::atomic<std::uint64_t> steps{0};
  std::atomic<Clock::rep> next_report{Clock::now().time_since_epoch().count()};
  double reported = -1;  // guarded by the sink's mutex: what is reported never goes back

  void report() {
    const double done = std::min(
        1.0, static_cast<double>(steps.load()) / static_cast<double>(std::max<std::uint64_t>(total, 1)));
    const std::lock_guard lock(sink->mutex);
    if (!sink->call || done <= reported) return;
    reported = done;
    sink->call(phase, done);
  }
};

namespace internal {

std::shared_ptr<ProgressSink> progress_sink() { return own_sink ? own_sink : process_wide(); }

ProgressSinkScope::ProgressSinkScope(std::shared_ptr<ProgressSink> sink)
    : before_(std::exchange(own_sink, std::move(sink))) {}
ProgressSinkScope::~ProgressSinkScope() { own_sink = std::move(before_); }

}  // namespace internal

ProgressScope::ProgressScope(ProgressHandler handler) {
  auto sink = std::make_shared<Sink>();
  set_call(*sink, std::move(handler));
  before_ = std::exchange(own_sink, std::move(sink));
}
ProgressScope::~ProgressScope() { own_sink = std::move(before_); }

void set_progress_handler(ProgressHandler call) { set_call(*process_wide(), std::move(call)); }

Progress::Progress(std::string_view phase, std::uint64_t total)
    : state_(std::make_unique<State>(phase, total)) {}

Progress::~Progress() = default;

void Progress::advance(std::uint64_t steps) {
  const std::uint64_t before = state_->steps.fetch_add(steps);
  if (!state_->sink->present.load(std::memory_order_relaxed)) return;
  const bool finishes = before < state_->total && before + steps >= state_->total;
  const Clock::rep now = Clock::now().time_since_epoch().count();
  Clock::rep due = state_->next_report.load(std::memory_order_relaxed);
  const Clock::rep next = now + std::chrono::duration_cast<Clock::duration>(kPause).count();
  if (finishes || (now >= due && state_->next_report.compare_exchange_strong(due, next))) state_->report();
}

}  // namespace assay
