#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "base/threads.h"

namespace assay {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPause{100};

struct Handler {
  std::mutex mutex;
  ProgressHandler call;
  std::atomic<bool> present{false};
};

Handler& handler() {
  static Handler instance;
  return instance;
}

}  // namespace

struct Progress::State {
  State(std::string_view name, std::uint64_t count) : phase(name), total(count) {}

  std::string phase;
  std::uint64_t total;
  std::atomic<std::uint64_t> steps{0};
  std::atomic<Clock::rep> next_report{Clock::now().time_since_epoch().count()};
  double reported = -1;  // guarded by the handler's mutex: what is reported never goes back

  void report() {
    const double done = std::min(
        1.0, static_cast<double>(steps.load()) / static_cast<double>(std::max<std::uint64_t>(total, 1)));
    const std::lock_guard lock(handler().mutex);
    if (!handler().call || done <= reported) return;
    reported = done;
    handler().call(phase, done);
  }
};

void set_progress_handler(ProgressHandler call) {
  const std::lock_guard lock(handler().mutex);
  handler().present.store(static_cast<bool>(call));
  handler().call = std::move(call);
}

Progress::Progress(std::string_view phase, std::uint64_t total)
    : state_(std::make_unique<State>(phase, total)) {}

Progress::~Progress() = default;

void Progress::advance(std::uint64_t steps) {
  const std::uint64_t before = state_->steps.fetch_add(steps);
  if (!handler().present.load(std::memory_order_relaxed)) return;
  const bool finishes = before < state_->total && before + steps >= state_->total;
  const Clock::rep now = Clock::now().time_since_epoch().count();
  Clock::rep due = state_->next_report.load(std::memory_order_relaxed);
  const Clock::rep next = now + std::chrono::duration_cast<Clock::duration>(kPause).count();
  if (finishes || (now >= due && state_->next_report.compare_exchange_strong(due, next))) state_->report();
}

}  // namespace assay
