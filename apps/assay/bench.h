// Timing of the library's own work, and the table of what came out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "base/json.h"
#include "console.h"

namespace assay::cli {

/// Repetitions of one measurement.
struct Repeats {
  int most = 5;
  double seconds = 10;  ///< no further repetition starts after this long, once there are three
};

/// Medians and extremes of repeated runs of one thing, in seconds.
struct Timing {
  double median = 0, fastest = 0, slowest = 0;
  double cpu = 0;  ///< median of the CPU time of all threads: what stays true on a machine with other work
  int repeats = 0;
};

/// One run unseen, to warm caches and tables, where that is short; then repeated ones.
[[nodiscard]] Timing measure(const Repeats& repeats, const std::function<void()>& run);

/// Times what gives a Result, whose values are thrown away. Errors: those of `run`.
template <class Run>
[[nodiscard]] Result<Timing> measure_result(const Repeats& repeats, const Run& run) {
  Status status;
  const Timing timing = measure(repeats, [&] {
    const auto result = run();
    if (!result.ok()) status = result.error();
  });
  if (!status.ok()) return status.error();
  return timing;
}

/// The highest resident size in bytes that `run` reaches; nothing where the system does not tell.
[[nodiscard]] std::optional<std::uint64_t> peak_memory_of(const std::function<void()>& run);

class BenchTable {
 public:
  explicit BenchTable(const Console& console) : console_(console) {}

  /// A row: what, its parameters, the time of one item out of `items` that a run does. Said at once on
  /// stderr.
  void add(std::string what, const Json& parameters, const Timing& timing, double items = 1);

  /// A row that this machine cannot fill.
  void add_missing(std::string what, const Json& parameters, std::string reason);

  /// More about the last row.
  void annotate(std::string key, Json value);

  /// The table with the machine on top.
  [[nodiscard]] Result<int> report() const;

 private:
  struct Row {
    Json json;
    std::string line;
  };
  const Console& console_;
  std::vector<Row> rows_;
};

/// "1,2,40" as numbers from `least` to `most`. Errors: kMalformed, kOutOfRange.
[[nodiscard]] Result<std::vector<unsigned>> parse_numbers(std::string_view text, unsigned least,
                                                          unsigned most, std::string_view place);

}  // namespace assay::cli
