#include "bench_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/threads.h"
#include "program.h"

namespace assay::cli {

void add_repeats(CLI::App* verb, BenchOptions& options) {
  add_option(verb, "--repeats", options.repeats, "runs of each measurement, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  add_option(verb, "--seconds", options.seconds, "after this long a measurement of three runs is enough")
      ->capture_default_str();
}

void add_thread_counts(CLI::App* verb, BenchOptions& options) {
  add_option(verb, "--thread-counts A,B,..", options.thread_counts,
             "threads to measure with, such as 1,2; else --threads");
}

Repeats repeats_of(const BenchOptions& options) { return {options.repeats, options.seconds}; }

Result<std::vector<unsigned>> thread_counts_of(const BenchOptions& options) {
  if (options.thread_counts.empty()) return std::vector<unsigned>{worker_count()};
  return parse_numbers(options.thread_counts, 1, 1024, "--thread-counts");
}

TemporaryFile::TemporaryFile(const char* name)
    : path_(std::filesystem::temp_directory_path() / fmt::format("assay-bench-{}-{}", getpid(), name)) {}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace assay::cli
