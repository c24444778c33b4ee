#include "base/threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace assay {
namespace {

class ThreadLimit {
 public:
  explicit ThreadLimit(unsigned threads) : before_(thread_limit()) { set_thread_limit(threads); }
  ~ThreadLimit() { set_thread_limit(before_); }

 private:
  unsigned before_;
};

TEST(ParallelFor, CoversEveryIndexOnce) {
  for (const unsigned threads : {1u, 2u, 7u}) {
    const ThreadLimit limit(threads);
    for (const std::size_t count : {0, 1, 2, 9, 100, 1001}) {
      for (const std::size_t grain : {1, 3, 100, 5000}) {
        std::vector<std::atomic<int>> seen(count + 10);
        std::atomic<bool> too_small{false};
        parallel_for(5, 5 + count, grain, [&](std::size_t first, std::size_t last) {
          if (first >= last || last - first < std::min(grain, count)) too_small = true;
          for (std::size_t i = first; i < last; ++i) seen[i].fetch_add(1);
        });
        EXPECT_FALSE(too_small);
        for (std::size_t i = 0; i < seen.size(); ++i)
          EXPECT_EQ(seen[i].load(), i >= 5 && i < 5 + count ? 1 : 0);
      }
    }
  }
}

TEST(ThreadLimitScope, HoldsForItsThreadAlone) {
  const ThreadLimit limit(4);
  {
    const ThreadLimitScope one(1);
    EXPECT_EQ(worker_count(), 1u);
    {
      const ThreadLimitScope three(3);
      EXPECT_EQ(worker_count(), 3u);
      const ThreadLimitScope unchanged(0);
      EXPECT_EQ(worker_count(), 3u);
    }
    EXPECT_EQ(worker_count(), 1u);
    EXPECT_EQ(thread_limit(), 4u);
    unsigned elsewhere = 0;
    std::jthread([&] { elsewhere = worker_count(); }).join();
    EXPECT_EQ(elsewhere, 4u);
    const std::thread::id caller = std::this_thread::get_id();
    parallel_for(0, 100, 1, [&](std::size_t, std::size_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
  }
  EXPECT_EQ(worker_count(), 4u);
}

TEST(ParallelFor, AnEmptyRangeCallsNothing) {
  parallel_for(3, 3, 1, [](std::size_t, std::size_t) { FAIL(); });
  parallel_for(4, 3, 1, [](std::size_t, std::size_t) { FAIL(); });
}

TEST(ParallelFor, RunsAsManyAtOnceAsTheLimitSays) {
  const ThreadLimit limit(4);
  EXPECT_EQ(worker_count(), 4u);
  // Nobody passes the barrier until four are there: with fewer threads this would not end.
  std::barrier meeting(4);
  std::atomic<int> arrived{0};
  parallel_for(0, 4, 1, [&](std::size_t, std::size_t) {
    arrived.fetch_add(1);
    meeting.arrive_and_wait();
  });
  EXPECT_EQ(arrived.load(), 4);
}

TEST(ParallelFor, CallsWithinABodyStayOnTheirThread) {
  const ThreadLimit limit(4);
  std::atomic<int> strayed{0};
  std::atomic<std::size_t> covered{0};
  parallel_for(0, 8, 1, [&](std::size_t, std::size_t) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(0, 100, 1, [&](std::size_t first, std::size_t last) {
      if (std::this_thread::get_id() != outer) strayed.fetch_add(1);
      covered.fetch_add(last - first);
    });
  });
  EXPECT_EQ(strayed.load(), 0);
  EXPECT_EQ(covered.load(), 800u);
  // And the caller's own thread is free again afterwards.
  std::barrier meeting(4);
  parallel_for(0, 4, 1, [&](std::size_t, std::size_t) { meeting.arrive_and_wait(); });
}

TEST(ParallelFor, OneThreadIsTheCallers) {
  const ThreadLimit limit(1);
  parallel_for(0, 100, 1, [caller = std::this_thread::get_id()](std::size_t first, std::size_t last) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(last - first, 100u);
  });
}

TEST(ParallelForDeathTest, BugsOfTheCaller) {
  EXPECT_DEATH(parallel_for(0, 1, 0, [](std::size_t, std::size_t) {}), "check failed: grain > 0");
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        set_thread_limit(2);
        parallel_for(0, 2, 1, [](std::size_t first, std::size_t) {
          if (first == 0) throw std::runtime_error("thrown by a body");
        });
      },
      "thrown by a body");
}

// Sanitizers need the address space that this test takes away.
#ifndef ASSAY_SANITIZED
bool covers_all_without_space_for_stacks() {
  set_thread_limit(8);
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  statm >> pages;
  // A little for the heap, too little for the 8 MiB of a thread's stack.
  const rlim_t most = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + (2u << 20);
  const rlimit limit{most, most};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) return false;
  std::atomic<std::size_t> covered{0};
  parallel_for(0, 100, 1, [&](std::size_t first, std::size_t last) { covered.fetch_add(last - first); });
  return covered.load() == 100;
}

TEST(ParallelForDeathTest, WithoutThreadsTheCallerDoesTheWork) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::exit(covers_all_without_space_for_stacks() ? 0 : 1), testing::ExitedWithCode(0), "");
}
#endif

TEST(WorkerCount, IsWithinReason) {
  {
    const ThreadLimit limit(0);
    EXPECT_EQ(worker_count(), std::clamp(std::thread::hardware_concurrency(), 1u, 1024u));
  }
  const ThreadLimit limit(4'000'000'000u);
  EXPECT_EQ(thread_limit(), 4'000'000'000u);
  EXPECT_EQ(worker_count(), 1024u);
}

TEST(ThreadLimitDeathTest, StartsWithTheEnvironments) {
  GTEST_FLAG_SET(death_test_style,
                 "threadsafe");  // runs the program anew, with the environment that it has by then
  const std::pair<const char*, unsigned> cases[] = {{"3", 3},  {"0", 0},  {"", 0},   {"3x", 0},
                                                    {" 3", 0}, {"+3", 0}, {"-3", 0}, {"99999999999", 0}};
  for (const auto& [text, expected] : cases) {
    ::setenv("ASSAY_THREADS", text, 1);
    const unsigned wanted = expected;
    EXPECT_EXIT(std::exit(thread_limit() == wanted ? 0 : 1), testing::ExitedWithCode(0), "") << text;
  }
  ::unsetenv("ASSAY_THREADS");
}

struct Report {
  std::string phase;
  double done;
};

class ProgressTest : public testing::Test {
 protected:
  void SetUp() override {
    set_progress_handler([this](std::string_view phase, double done) {
      reports_.push_back({std::string(phase), done});
    });
  }
  void TearDown() override { set_progress_handler({}); }
  std::vector<Report> reports_;  // no lock: the handler is called by one thread at a time
};

TEST_F(ProgressTest, EndsWithOneExactlyOnce) {
  {
    Progress progress("hash", 1000);
    const ThreadLimit limit(4);
    parallel_for(0, 1000, 1, [&](std::size_t first, std::size_t last) {
      for (; first < last; ++first) progress.advance();
    });
  }
  ASSERT_FALSE(reports_.empty());
  EXPECT_EQ(reports_.back().done, 1.0);
  for (std::size_t i = 0; i < reports_.size(); ++i) {
    EXPECT_EQ(reports_[i].phase, "hash");
    EXPECT_GE(reports_[i].done, 0.0);
    if (i > 0) {
      EXPECT_GT(reports_[i].done, reports_[i - 1].done);
    }
  }
}

TEST_F(ProgressTest, MoreStepsThanPromisedStayAtOne) {
  Progress progress("hash", 2);
  progress.advance(5);
  progress.advance();
  ASSERT_FALSE(reports_.empty());
  EXPECT_EQ(reports_.back().done, 1.0);
  EXPECT_EQ(std::count_if(reports_.begin(), reports_.end(), [](const Report& r) { return r.done == 1.0; }),
            1);
}

TEST_F(ProgressTest, DoesNotClaimWhatWasNotDone) {
  {
    Progress progress("hash", 4);
    progress.advance(2);
  }
  // The first step is due at once.
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].done, 0.5);
}

TEST_F(ProgressTest, AHandlerThatComesLaterIsToldAtOnce) {
  set_progress_handler({});
  Progress progress("hash", 4);
  progress.advance();
  SetUp();
  progress.advance();
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].done, 0.5);
}

TEST_F(ProgressTest, ReportsMayBeFewButNotMany) {
  const auto start = std::chrono::steady_clock::now();
  Progress progress("hash", 1'000'000);
  for (int i = 0; i < 1'000'000; ++i) progress.advance();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LE(static_cast<double>(reports_.size()), 10 * seconds + 3);
}

// Two calls at once, each with a handler of its own; work within parallel bodies reports to its caller's.
TEST_F(ProgressTest, IsOfOneCallWhereItIsAskedFor) {
  const auto count_of = [](const std::string& phase) {
    std::vector<Report> seen;
    const ProgressScope scope([&seen](std::string_view name, double done) {
      seen.push_back({std::string(name), done});
    });
    const ThreadLimit limit(3);
    parallel_for(0, 3, 1, [&](std::size_t first, std::size_t last) {
      for (; first < last; ++first) {
        Progress progress(phase, 10);
        for (int i = 0; i < 10; ++i) progress.advance();
      }
    });
    return seen;
  };
  std::vector<Report> first;
  std::vector<Report> second;
  {
    const std::jthread other([&] { first = count_of("one"); });
    second = count_of("two");
  }
  for (const auto& [seen, phase] : {std::pair(first, "one"), std::pair(second, "two")}) {
    EXPECT_EQ(std::count_if(seen.begin(), seen.end(), [](const Report& r) { return r.done == 1.0; }), 3);
    for (const Report& report : seen) EXPECT_EQ(report.phase, phase);
  }
  EXPECT_TRUE(reports_.empty());
  Progress progress("after", 1);
  progress.advance();
  EXPECT_EQ(reports_.back().phase, "after");
}

TEST_F(ProgressTest, ScopesNest) {
  std::vector<std::string> seen;
  const auto into = [&seen](const char* who) {
    return [&seen, who](std::string_view, double) { seen.emplace_back(who); };
  };
  const ProgressScope outer(into("outer"));
  {
    const ProgressScope inner(into("inner"));
    Progress("hash", 1).advance();
  }
  Progress("hash", 1).advance();
  EXPECT_EQ(seen, (std::vector<std::string>{"inner", "outer"}));
  EXPECT_TRUE(reports_.empty());
}

TEST(Progress, WithoutAHandlerNothingHappens) {
  set_progress_handler({});
  Progress progress("hash", 1);
  progress.advance();
}

}  // namespace
}  // namespace assay
