// What all verbs of `assay bench` take, and the files that they measure with.
#pragma once

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "assay/base.h"
#include "bench.h"

namespace assay::cli {

struct BenchOptions {
  int repeats = 5;
  double seconds = 10;
  std::string thread_counts;
};

void add_repeats(CLI::App* verb, BenchOptions& options);
void add_thread_counts(CLI::App* verb, BenchOptions& options);

[[nodiscard]] Repeats repeats_of(const BenchOptions& options);

/// Those of --thread-counts, else that of --threads. Errors: kMalformed, kOutOfRange.
[[nodiscard]] Result<std::vector<unsigned>> thread_counts_of(const BenchOptions& options);

/// The path of a file that is gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const char* name);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace assay::cli
