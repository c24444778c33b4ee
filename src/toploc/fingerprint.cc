#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "assay/toploc_fingerprint.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kTag = "assay/toploc/fingerprint/v";
constexpr std::uint32_t kVersion = 1;
/// What the hash that the signs are drawn from begins with.
constexpr std::string_view kSigns = "assay/toploc/fingerprint/v1";

float to_float(float value) { return value; }
float to_float(std::uint16_t bf16) { return std::bit_cast<float>(std::uint32_t{bf16} << 16); }

Error out_of_range(const char* place, std::string reason) {
  return {ErrorCode::kOutOfRange, place, std::move(reason)};
}

/// What is wrong with a row.
struct Flaw {
  std::size_t row;
  const char* what;
  [[nodiscard]] std::string text() const { return fmt::format("row {} {}", row, what); }
};

Status check_sizes(std::uint32_t hidden, std::uint32_t dimensions, std::uint64_t rows) {
  if (hidden == 0 || hidden > Fingerprint::kMaxHidden)
    return out_of_range("hidden", fmt::format("{} is not in 1 to {}", hidden, Fingerprint::kMaxHidden));
  if (dimensions == 0 || dimensions > Fingerprint::kMaxDimensions)
    return out_of_range("dimensions",
                        fmt::format("{} is not in 1 to {}", dimensions, Fingerprint::kMaxDimensions));
  if (rows > Fingerprint::kMaxValues / dimensions)
    return out_of_range("rows", fmt::format("{} rows of {} numbers, at most {} numbers are taken", rows,
                                            dimensions, Fingerprint::kMaxValues));
  return {};
}

/// 1 or -1 for each width position and dimension, `dimensions` of them for a position: the bits of a ChaCha20
/// stream, of each 64 the lowest first, 1 for -1.
std::vector<std::int8_t> draw_signs(const Digest& seed, std::uint32_t hidden, std::uint32_t dimensions) {
  const Digest key = Sha256().update(kSigns).update(seed).update_u32(hidden).update_u32(dimensions).digest();
  ChaCha20Stream stream(key);
  std::vector<std::int8_t> signs(std::size_t{hidden} * dimensions);
  for (std::size_t i = 0; i < signs.size();) {
    std::uint64_t bits = stream.next_u64();
    for (const std::size_t end = std::min(signs.size(), i + 64); i < end; ++i, bits >>= 1)
      signs[i] = (bits & 1) != 0 ? -1 : 1;
  }
  return signs;
}

/// One row; false where a sum is too large for a number. Sums run over the width in order, so that every
/// machine rounds alike.
template <class T>
bool project_row(const T* row, std::span<const std::int8_t> signs, std::span<double> sums, float* out) {
  std::ranges::fill(sums, 0.0);
  const std::int8_t* sign = signs.data();
  for (const T* value = row; sign != signs.data() + signs.size(); ++value, sign += sums.size()) {
    const auto x = static_cast<double>(to_float(*value));
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += x * sign[j];
  }
  const double scale = 1 / std::sqrt(static_cast<double>(sums.size()));
  for (std::size_t j = 0; j < sums.size(); ++j) {
    const double number = sums[j] * scale;
    if (std::fabs(number) > std::numeric_limits<float>::max()) return false;
    out[j] = static_cast<float>(number);
  }
  return true;
}

/// The sizes of rows of `hidden` values. Errors: those of check_sizes, kMismatch.
template <class T>
Result<std::size_t> count_rows(std::span<const T> values, std::uint32_t hidden, std::uint32_t dimensions) {
  ASSAY_TRY(check_sizes(hidden, dimensions, 0));
  if (values.size() % hidden != 0)
    return Error{ErrorCode::kMismatch, "states",
                 fmt::format("{} values are not whole rows of {}", values.size(), hidden)};
  const std::size_t rows = values.size() / hidden;
  ASSAY_TRY(check_sizes(hidden, dimensions, rows));
  return rows;
}

/// What keeps values from being projected; none.
template <class T>
std::optional<Flaw> not_finite(std::span<const T> values, std::uint32_t hidden) {
  const auto bad = std::ranges::find_if(values, [](T value) { return !std::isfinite(to_float(value)); });
  if (bad == values.end()) return {};
  return Flaw{static_cast<std::size_t>(bad - values.begin()) / hidden, "holds an infinity or NaN"};
}

/// A fingerprint of finite values, and the first row whose numbers overflow.
struct Projection {
  Fingerprint fingerprint;
  std::optional<Flaw> flaw;
};

template <class T>
Projection project_finite(std::span<const T> values, std::uint32_t hidden, const Digest& seed,
                          std::uint32_t dimensions) {
  const std::size_t rows = values.size() / hidden;
  Fingerprint out{seed, hidden, dimensions, std::vector<float>(rows * dimensions)};
  const std::vector<std::int8_t> signs = draw_signs(seed, hidden, dimensions);
  std::vector<std::uint8_t> overflows(rows);
  parallel_for(0, rows, 1, [&](std::size_t first, std::size_t last) {
    std::vector<double> sums(dimensions);
    for (std::size_t i = first; i < last; ++i)
      overflows[i] =
          project_row(values.data() + i * hidden, signs, sums, out.values.data() + i * dimensions) ? 0 : 1;
  });
  const auto bad = std::ranges::find(overflows, 1);
  if (bad == overflows.end()) return {std::move(out), {}};
  return {std::move(out), Flaw{static_cast<std::size_t>(bad - overflows.begin()),
                               "holds values so large that their projection overflows"}};
}

template <class T>
Result<Fingerprint> project_rows(std::span<const T> values, std::uint32_t hidden, const Digest& seed,
                                 std::uint32_t dimensions) {
  static_cast<void>(ASSAY_TRY(count_rows(values, hidden, dimensions)));
  if (const std::optional<Flaw> flaw = not_finite(values, hidden))
    return out_of_range("states", flaw->text());
  Projection made = project_finite(values, hidden, seed, dimensions);
  if (made.flaw) return out_of_range("states", made.flaw->text());
  return std::move(made.fingerprint);
}

/// |theirs - own| / |own|.
double distance_of_row(std::span<const float> theirs, std::span<const float> own) {
  double apart = 0;
  double length = 0;
  for (std::size_t j = 0; j < own.size(); ++j) {
    const double difference = static_cast<double>(theirs[j]) - static_cast<double>(own[j]);
    apart += difference * difference;
    length += static_cast<double>(own[j]) * static_cast<double>(own[j]);
  }
  return apart == 0 ? 0.0 : std::sqrt(apart / length);
}

struct Farthest {
  std::size_t row = 0;
  double distance = 0;
};

/// The row in which two of one shape are farthest apart, the first of several.
Farthest farthest_row(const Fingerprint& theirs, const Fingerprint& own) {
  Farthest farthest;
  const std::size_t size = own.dimensions;
  for (std::size_t i = 0; i < own.rows(); ++i) {
    const double found = distance_of_row(std::span(theirs.values).subspan(i * size, size),
                                         std::span(own.values).subspan(i * size, size));
    if (found > farthest.distance) farthest = {i, found};
  }
  return farthest;
}

std::string shape_text(std::uint64_t rows, std::uint32_t dimensions, std::uint32_t hidden) {
  return fmt::format("{} rows of {} from a width of {}", rows, dimensions, hidden);
}

/// What says how theirs differs from so many rows of this shape; none.
std::optional<std::string> other_shape(const Fingerprint& theirs, std::uint64_t rows,
                                       std::uint32_t dimensions, std::uint32_t hidden) {
  if (theirs.hidden == hidden && theirs.dimensions == dimensions && theirs.values.size() == rows * dimensions)
    return {};
  return fmt::format("{}, against {}", shape_text(theirs.rows(), theirs.dimensions, theirs.hidden),
                     shape_text(rows, dimensions, hidden));
}

/// The first row that has one value throughout. Whoever knows this value has the row's fingerprint.
template <class T>
std::optional<Flaw> constant_row(std::span<const T> values, std::uint32_t hidden) {
  for (std::size_t start = 0; start < values.size(); start += hidden) {
    const std::span<const T> row = values.subspan(start, hidden);
    if (std::ranges::all_of(row, [&](T value) { return to_float(value) == to_float(row[0]); }))
      return Flaw{start / hidden, "has one value throughout"};
  }
  return {};
}

template <class T>
bool all_alike(std::span<const T> values, std::uint32_t hidden) {
  const auto same = [](T a, T b) { return to_float(a) == to_float(b); };
  return values.size() > hidden &&
         std::ranges::equal(values.subspan(hidden), values.first(values.size() - hidden), same);
}

/// Whether `stand` in the place of row i is within the bound.
bool stands_for(const Fingerprint& own, std::size_t i, std::span<const float> stand, double bound) {
  const std::size_t size = own.dimensions;
  return distance_of_row(stand, std::span(own.values).subspan(i * size, size)) <= bound;
}

/// Whether one row, the mean of all, would pass for each of them.
bool one_passes_for_all(const Fingerprint& own, double bound) {
  std::vector<double> sums(own.dimensions, 0.0);
  for (std::size_t i = 0; i < own.values.size(); ++i) sums[i % own.dimensions] += own.values[i];
  std::vector<float> mean(sums.size());
  std::ranges::transform(sums, mean.begin(), [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(own.rows()));
  });
  for (std::size_t i = 0; i < own.rows(); ++i)
    if (!stands_for(own, i, mean, bound)) return false;
  return true;
}

/// The rows for which the row before would pass.
std::size_t count_repeatable(const Fingerprint& own, double bound) {
  std::size_t count = 0;
  for (std::size_t i = 1; i < own.rows(); ++i) {
    const auto before = std::span(own.values).subspan((i - 1) * own.dimensions, own.dimensions);
    count += stands_for(own, i, before, bound) ? 1 : 0;
  }
  return count;
}

/// Why own rows are too near to each other for a bound, as where a few dimensions outweigh all others: rows
/// that nobody computed would pass. None: they are not.
std::optional<std::string> too_near(const Fingerprint& own, double bound) {
  if (own.rows() < 2) return {};
  if (one_passes_for_all(own, bound))
    return fmt::format("of the verifier's own states one row would pass for all {}", own.rows());
  const std::size_t repeatable = count_repeatable(own, bound);
  if (2 * repeatable < own.rows()) return {};
  return fmt::format("of the verifier's own states, for {} of {} rows the row before would pass", repeatable,
                     own.rows());
}

std::optional<Flaw> vanishing_row(const Fingerprint& own) {
  for (std::size_t i = 0; i < own.values.size(); i += own.dimensions) {
    if (std::ranges::all_of(std::span(own.values).subspan(i, own.dimensions), [](float v) { return v == 0; }))
      return Flaw{i / own.dimensions, "has a fingerprint of zeros"};
  }
  return {};
}

Verdict about_own(const Flaw& flaw) {
  return Verdict::inconclusive("states", "of the verifier's own states " + flaw.text()).at_item(flaw.row);
}

/// The verdict from the question of the own states on; `farthest` gets the distance where it was taken.
template <class T>
Verdict judge(const Fingerprint& theirs, std::span<const T> values, const Profile& profile,
              std::optional<Farthest>& farthest) {
  if (values.empty()) return Verdict::inconclusive("states", "the verifier has none of its own");
  if (const std::optional<Flaw> flaw = not_finite(values, theirs.hidden)) return about_own(*flaw);
  if (const std::optional<Flaw> flaw = constant_row(values, theirs.hidden)) return about_own(*flaw);
  if (all_alike(values, theirs.hidden))
    return Verdict::inconclusive("states", "of the verifier's own states all rows are alike");
  const Projection own = project_finite(values, theirs.hidden, theirs.seed, theirs.dimensions);
  if (own.flaw) return about_own(*own.flaw);
  if (const std::optional<Flaw> flaw = vanishing_row(own.fingerprint)) return about_own(*flaw);
  farthest = farthest_row(theirs, own.fingerprint);
  if (!profile.fingerprint_distance)
    return Verdict::inconclusive(
        "profile", fmt::format("'{}' has no bound on fingerprints: calibrate one", profile.title()));
  if (!(farthest->distance <= *profile.fingerprint_distance))
    return Verdict::rejected(
               "distance",
               fmt::format("relative distance {:.4g} in row {}, the profile '{}' asks "
                           "for at most {:.4g} in each",
                           farthest->distance, farthest->row, profile.title(), *profile.fingerprint_distance))
        .at_item(farthest->row);
  if (std::optional<std::string> reason = too_near(own.fingerprint, *profile.fingerprint_distance))
    return Verdict::inconclusive("states", *std::move(reason));
  return Verdict::accepted();
}

template <class T>
Result<Verdict> verify_rows(const Fingerprint& theirs, std::span<const T> values, std::uint32_t hidden,
                            const Digest& seed, std::uint32_t dimensions, const Profile& profile) {
  const std::size_t rows = ASSAY_TRY(count_rows(values, hidden, dimensions));
  if (theirs.seed != seed) return Verdict::rejected("seed", "it was made under another seed");
  if (const std::optional<std::string> other = other_shape(theirs, rows, dimensions, hidden))
    return Verdict::rejected("shape", *other).add_check("seed", Grade::kRecomputed);
  if (const Status status = theirs.validate(); !status.ok())
    return Verdict::rejected("shape", status.error().to_string()).add_check("seed", Grade::kRecomputed);
  std::optional<Farthest> farthest;
  Verdict verdict = judge(theirs, values, profile, farthest);
  verdict.add_check("seed", Grade::kRecomputed).add_check("shape", Grade::kRecomputed);
  if (verdict.ok())
    verdict.add_check("distance", farthest->distance == 0 ? Grade::kRecomputed : Grade::kStatistical);
  verdict.add_figure("rows", std::uint64_t{rows});
  verdict.add_figure("dimensions", std::uint64_t{dimensions});
  if (farthest) {
    Figure distance{"relative distance, worst row", farthest->distance};
    if (profile.fingerprint_distance)
      distance.bound = Bound{Bound::Kind::kAtMost, *profile.fingerprint_distance};
    verdict.add_figure(std::move(distance));
  }
  // The measured rate of false alarms is that of the proofs.
  verdict.add_assumption(fmt::format(
      "honest runs stay within the distance of the profile '{}'; its false-alarm rate was not measured",
      profile.title()));
  if (verdict.ok())
    verdict.add_note(fmt::format(
        "consistent with the states by the profile '{}'; what stays within its bound is not detected",
        profile.title()));
  verdict.add_note("a fingerprint binds its maker only to states committed to before the seed was told");
  return verdict;
}

}  // namespace

Result<Fingerprint> Fingerprint::project(std::span<const std::uint16_t> bf16, std::uint32_t hidden,
                                         const Digest& seed, std::uint32_t dimensions) {
  return project_rows(bf16, hidden, seed, dimensions);
}

Result<Fingerprint> Fingerprint::project(std::span<const float> values, std::uint32_t hidden,
                                         const Digest& seed, std::uint32_t dimensions) {
  return project_rows(values, hidden, seed, dimensions);
}

Status Fingerprint::validate() const {
  ASSAY_TRY(check_sizes(hidden, dimensions, 0));
  if (values.size() % dimensions != 0)
    return Error{ErrorCode::kMismatch, "values",
                 fmt::format("{} numbers are not whole rows of {}", values.size(), dimensions)};
  ASSAY_TRY(check_sizes(hidden, dimensions, rows()));
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad != values.end())
    return out_of_range("values", fmt::format("row {} holds an infinity or NaN",
                                              static_cast<std::size_t>(bad - values.begin()) / dimensions));
  return {};
}

Bytes Fingerprint::encode() const {
  WireWriter writer;
  writer.begin(kTag, kVersion).raw(seed).u32(hidden).u32(dimensions).u32(static_cast<std::uint32_t>(rows()));
  for (const float value : values) writer.u32(std::bit_cast<std::uint32_t>(value));
  return writer.take();
}

Result<Fingerprint> Fingerprint::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
  Fingerprint out;
  std::ranges::copy(ASSAY_TRY(reader.raw(out.seed.size(), "seed")), out.seed.begin());
  out.hidden = ASSAY_TRY(reader.u32("hidden"));
  out.dimensions = ASSAY_TRY(reader.u32("dimensions"));
  const Status sizes = check_sizes(out.hidden, out.dimensions, 0);
  if (!sizes.ok()) return reader.error(sizes.error().code, sizes.error().place, sizes.error().reason);
  const std::uint32_t rows = ASSAY_TRY(reader.count(
      std::size_t{4} * out.dimensions, static_cast<std::uint32_t>(kMaxValues / out.dimensions), "rows"));
  out.values.reserve(std::size_t{rows} * out.dimensions);
  for (std::size_t i = 0; i < std::size_t{rows} * out.dimensions; ++i) {
    const float value = std::bit_cast<float>(ASSAY_TRY(reader.u32("value")));
    if (!std::isfinite(value)) return reader.error(ErrorCode::kOutOfRange, "value", "it is infinite or NaN");
    out.values.push_back(value);
  }
  ASSAY_TRY(reader.finish());
  return out;
}

Result<double> distance(const Fingerprint& theirs, const Fingerprint& own) {
  ASSAY_TRY(theirs.validate());
  ASSAY_TRY(own.validate());
  if (theirs.seed != own.seed)
    return Error{ErrorCode::kMismatch, "seed", "the fingerprints have different seeds"};
  if (const std::optional<std::string> other = other_shape(theirs, own.rows(), own.dimensions, own.hidden))
    return Error{ErrorCode::kMismatch, "shape", *other};
  return farthest_row(theirs, own).distance;
}

Result<Verdict> verify(const Fingerprint& theirs, const OwnStates& own, const Digest& seed,
                       std::uint32_t dimensions, const Profile& profile) {
  return std::visit(
      [&](const auto& values) { return verify_rows(theirs, values, own.hidden, seed, dimensions, profile); },
      own.values);
}

}  // namespace assay::toploc
