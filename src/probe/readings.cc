// Exact readings of rows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/probe.h"
#include "base/threads.h"
#include "base/try.h"
#include "probe/exact_sum.h"

namespace assay::probe {
namespace {

using internal::ExactSum;
using internal::kFloat32;
using internal::kFloat64;
using internal::Parts;

template <class T>
std::vector<Parts> all_parts(std::span<const T> values) {
  std::vector<Parts> parts(values.size());
  std::ranges::transform(values, parts.begin(), [](T value) { return internal::parts_of(value); });
  return parts;
}

/// Covectors taken apart once for all rows.
struct Readers {
  std::vector<std::vector<Parts>> covectors;
  std::vector<double> biases;
};

Result<Readers> readers_of(std::span<const Reader> given, std::uint32_t width) {
  Readers readers;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].covector.size() != width)
      return Error{ErrorCode::kMismatch, fmt::format("probe {}", i),
                   fmt::format("is {} wide, the rows are {}", given[i].covector.size(), width)};
    const auto finite = [](double value) { return std::isfinite(value); };
    if (!finite(given[i].bias) || !std::ranges::all_of(given[i].covector, finite))
      return Error{ErrorCode::kOutOfRange, fmt::format("probe {}", i), "holds an infinity or NaN"};
    readers.covectors.push_back(all_parts(given[i].covector));
    readers.biases.push_back(given[i].bias);
  }
  return readers;
}

Result<std::size_t> row_count(std::span<const float> rows, std::uint32_t width) {
  if (width == 0 || rows.size() % width != 0)
    return Error{ErrorCode::kMismatch, "rows",
                 fmt::format("{} values are not whole rows of {}", rows.size(), width)};
  const auto bad = std::ranges::find_if(rows, [](float value) { return !std::isfinite(value); });
  if (bad != rows.end())
    return Error{ErrorCode::kOutOfRange,
                 fmt::format("row {}", static_cast<std::size_t>(bad - rows.begin()) / width),
                 "holds an infinity or NaN"};
  return rows.size() / width;
}

Result<std::size_t> some_rows(std::span<const float> rows, std::uint32_t width) {
  const std::size_t count = ASSAY_TRY(row_count(rows, width));
  // The divisor of a mean, and the count of its biases.
  if (count == 0 || count >= std::size_t{1} << 24)
    return Error{ErrorCode::kMismatch, "rows", fmt::format("{} rows, 1 to 2^24 - 1 have a mean", count)};
  return count;
}

void add_row(ExactSum& sum, std::span<const Parts> row, std::span<const Parts> covector) {
  for (std::size_t j = 0; j < row.size(); ++j) sum.add_product(row[j], covector[j]);
}

Error beyond(std::string place) {
  return {ErrorCode::kOutOfRange, std::move(place), "its reading is beyond the doubles"};
}

}  // namespace

Result<std::vector<double>> read_rows(std::span<const float> rows, std::uint32_t width,
                                      std::span<const Reader> given) {
  const std::size_t count = ASSAY_TRY(row_count(rows, width));
  const Readers readers = ASSAY_TRY(readers_of(given, width));
  const std::size_t probes = readers.biases.size();
  std::vector<double> readings(count * probes);
  std::vector<std::uint8_t> overflows(count);
  parallel_for(0, count, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const std::vector<Parts> row = all_parts(rows.subspan(i * width, width));
      for (std::size_t k = 0; k < probes; ++k) {
        ExactSum sum;
        add_row(sum, row, readers.covectors[k]);
        sum.add(readers.biases[k]);
        const std::optional<double> reading = sum.rounded(kFloat64);
        readings[i * probes + k] = reading.value_or(0);
        if (!reading) overflows[i] = 1;
      }
    }
  });
  if (const auto bad = std::ranges::find(overflows, 1); bad != overflows.end())
    return beyond(fmt::format("row {}", bad - overflows.begin()));
  return readings;
}

Result<std::vector<double>> read_mean(std::span<const float> rows, std::uint32_t width,
                                      std::span<const Reader> given) {
  const auto count = static_cast<std::uint32_t>(ASSAY_TRY(some_rows(rows, width)));
  const Readers readers = ASSAY_TRY(readers_of(given, width));
  std::vector<ExactSum> sums(readers.biases.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::vector<Parts> row = all_parts(rows.subspan(std::size_t{i} * width, width));
    for (std::size_t k = 0; k < sums.size(); ++k) add_row(sums[k], row, readers.covectors[k]);
  }
  std::vector<double> readings;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    sums[k].add_times(readers.biases[k], count);
    const std::optional<double> reading = sums[k].rounded(kFloat64, count);
    if (!reading) return beyond("mean");
    readings.push_back(*reading);
  }
  return readings;
}

Result<std::vector<float>> mean_row(std::span<const float> rows, std::uint32_t width) {
  const auto count = static_cast<std::uint32_t>(ASSAY_TRY(some_rows(rows, width)));
  std::vector<float> mean(width);
  for (std::uint32_t j = 0; j < width; ++j) {
    ExactSum sum;
    for (std::uint32_t i = 0; i < count; ++i) sum.add(rows[std::size_t{i} * width + j]);
    mean[j] = static_cast<float>(sum.rounded(kFloat32, count).value_or(0));  // between the rows' own values
  }
  return mean;
}

}  // namespace assay::probe
