#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "assay/thread_limit.h"
#include "base/check.h"

namespace assay {
namespace {

constexpr std::size_t kRangesPerWorker = 8;  // spare ranges even out the ends

unsigned limit_of_environment() {
  const char* text = std::getenv("ASSAY_THREADS");
  if (text == nullptr) return 0;
  const std::string_view view(text);
  unsigned value = 0;
  const auto [end, failure] = std::from_chars(view.data(), view.data() + view.size(), value);
  return failure == std::errc{} && end == view.data() + view.size() ? value : 0;
}

std::atomic<unsigned>& limit() {
  static std::atomic<unsigned> value{limit_of_environment()};
  return value;
}

thread_local bool in_parallel_body = false;
thread_local unsigned own_limit = 0;  // of the innermost ThreadLimitScope

class ParallelBodyScope {
 public:
  ParallelBodyScope() { in_parallel_body = true; }
  ~ParallelBodyScope() { in_parallel_body = false; }
  ParallelBodyScope(const ParallelBodyScope&) = delete;
  ParallelBodyScope& operator=(const ParallelBodyScope&) = delete;
};

}  // namespace

void set_thread_limit(unsigned threads) { limit().store(threads); }
unsigned thread_limit() { return limit().load(); }

ThreadLimitScope::ThreadLimitScope(unsigned threads) : before_(own_limit) {
  if (threads > 0) own_limit = threads;
}
ThreadLimitScope::~ThreadLimitScope() { own_limit = before_; }

unsigned worker_count() {
  if (in_parallel_body) return 1;
  const unsigned wanted = own_limit > 0 ? own_limit : thread_limit();
  return std::clamp(wanted > 0 ? wanted : std::thread::hardware_concurrency(), 1u, kMaxThreads);
}

void parallel_for(std::size_t begin, std::size_t end, std::size_t grain,
                  const std::function<void(std::size_t, std::size_t)>& body) {
  ASSAY_CHECK_GT(grain, 0);
  if (begin >= end) return;
  const std::size_t total = end - begin;
  const std::size_t workers = worker_count();
  const std::size_t ranges =
      workers == 1 ? 1 : std::clamp<std::size_t>(total / grain, 1, workers * kRangesPerWorker);
  if (ranges == 1) {
    body(begin, end);
    return;
  }

  std::atomic<std::size_t> next{0};
  // noexcept: an exception of `body` would be lost in a thread and leave the others running; it ends the
  // program.
  const std::shared_ptr<internal::ProgressSink> sink = internal::progress_sink();
  const auto work = [&]() noexcept {
    const ParallelBodyScope scope;
    const internal::ProgressSinkScope progress(sink);
    const std::size_t size = total / ranges;
    const std::size_t longer = total % ranges;  // that many ranges come first and have one more
    for (std::size_t i = next.fetch_add(1); i < ranges; i = next.fetch_add(1)) {
      const std::size_t first = begin + i * size + std::min(i, longer);
      body(first, first + size + (i < longer ? 1 : 0));
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(std::min(workers, ranges) - 1);
  for (std::size_t i = 1; i < std::min(workers, ranges); ++i) {
    try {
      threads.emplace_back(work);
    } catch (const std::exception&) {
      break;  // the system has no more threads to give, or no memory: those that there are do the work
    }
  }
  work();
}

}  // namespace assay
