#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

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

/// One row. Sums run over the width in order, so that every machine rounds alike.
template <class T>
void project_row(const T* row, std::span<const std::int8_t> signs, std::span<double> sums, float* out) {
  std::ranges::fill(sums, 0.0);
  const std::int8_t* sign = signs.data();
  for (const T* value = row; sign != signs.data() + signs.size(); ++value, sign += sums.size()) {
    const auto x = static_cast<double>(to_float(*value));
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += x * sign[j];
  }
  const double scale = 1 / std::sqrt(static_cast<double>(sums.size()));
  for (std::size_t j = 0; j < sums.size(); ++j) out[j] = static_cast<float>(sums[j] * scale);
}

template <class T>
Result<Fingerprint> project_rows(std::span<const T> values, std::uint32_t hidden, const Digest& seed,
                                 std::uint32_t dimensions) {
  ASSAY_TRY(check_sizes(hidden, dimensions, 0));
  if (values.size() % hidden != 0)
    return Error{ErrorCode::kMismatch, "states",
                 fmt::format("{} values are no whole rows of {}", values.size(), hidden)};
  const std::size_t rows = values.size() / hidden;
  ASSAY_TRY(check_sizes(hidden, dimensions, rows));
  const auto bad = std::ranges::find_if(values, [](T value) { return !std::isfinite(to_float(value)); });
  if (bad != values.end())
    return out_of_range("states", fmt::format("row {} holds an infinity or NaN",
                                              static_cast<std::size_t>(bad - values.begin()) / hidden));
  Fingerprint out{seed, hidden, dimensions, std::vector<float>(rows * dimensions)};
  const std::vector<std::int8_t> signs = draw_signs(seed, hidden, dimensions);
  parallel_for(0, rows, 1, [&](std::size_t first, std::size_t last) {
    std::vector<double> sums(dimensions);
    for (std::size_t i = first; i < last; ++i)
      project_row(values.data() + i * hidden, signs, sums, out.values.data() + i * dimensions);
  });
  return out;
}

double sum_of_squares(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

/// What keeps two fingerprints from being compared; none.
std::optional<std::string> difference_of_shape(const Fingerprint& a, const Fingerprint& b) {
  if (a.hidden == b.hidden && a.dimensions == b.dimensions && a.values.size() == b.values.size()) return {};
  return fmt::format("{} rows of {} from a width of {}, against {} of {} from {}", a.rows(), a.dimensions,
                     a.hidden, b.rows(), b.dimensions, b.hidden);
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
                 fmt::format("{} numbers are no whole rows of {}", values.size(), dimensions)};
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
  if (const std::optional<std::string> difference = difference_of_shape(theirs, own))
    return Error{ErrorCode::kMismatch, "shape", *difference};
  double sum = 0;
  for (std::size_t i = 0; i < own.values.size(); ++i) {
    const double difference = static_cast<double>(theirs.values[i]) - static_cast<double>(own.values[i]);
    sum += difference * difference;
  }
  return sum == 0 ? 0.0 : std::sqrt(sum / sum_of_squares(own.values));
}

Verdict verify(const Fingerprint& theirs, const Fingerprint& own, const Profile& profile) {
  if (theirs.seed != own.seed) return Verdict::rejected("seed", "it was made under another seed");
  if (const std::optional<std::string> difference = difference_of_shape(theirs, own))
    return Verdict::rejected("shape", *difference).add_check("seed", Grade::kRecomputed);
  const Result<double> found = distance(theirs, own);
  if (!found.ok())
    return Verdict::rejected("shape", found.error().to_string()).add_check("seed", Grade::kRecomputed);
  const auto judge = [&] {
    if (sum_of_squares(own.values) == 0)
      return Verdict::inconclusive("states", "the verifier's own states are all zero, or there are none");
    if (!profile.fingerprint_distance)
      return Verdict::inconclusive(
          "profile", fmt::format("'{}' has no bound on fingerprints: calibrate one", profile.name));
    if (!(*found <= *profile.fingerprint_distance))
      return Verdict::rejected(
          "distance", fmt::format("relative distance {:.4g}, the profile '{}' asks for at most {:.4g}",
                                  *found, profile.name, *profile.fingerprint_distance));
    return Verdict::accepted();
  };
  Verdict verdict = judge();
  verdict.add_check("seed", Grade::kRecomputed).add_check("shape", Grade::kRecomputed);
  if (verdict.ok()) verdict.add_check("distance", *found == 0 ? Grade::kRecomputed : Grade::kStatistical);
  verdict.add_figure("rows", own.rows());
  verdict.add_figure("dimensions", std::uint64_t{own.dimensions});
  Figure distance{"relative distance", *found};
  if (profile.fingerprint_distance)
    distance.bound = Bound{Bound::Kind::kAtMost, *profile.fingerprint_distance};
  verdict.add_figure(std::move(distance));
  // The measured rate of false alarms is that of the proofs.
  verdict.add_assumption(fmt::format(
      "honest runs stay within the distance of the profile '{}'; its false-alarm rate was not measured",
      profile.name));
  if (verdict.ok())
    verdict.add_note(fmt::format(
        "consistent with the states by the profile '{}'; what stays within its bound is not detected",
        profile.name));
  verdict.add_note("a fingerprint binds its maker only to states committed to before the seed was told");
  return verdict;
}

}  // namespace assay::toploc
