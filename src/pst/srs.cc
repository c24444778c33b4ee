#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "pst/allocate.h"
#include "pst/srs_points.h"
#include "pst/srs_state.h"

namespace assay::pst {
namespace {

std::span<const G1Affine> generator_level() {
  static const G1Affine generator = G1Affine::generator();
  return {&generator, 1};
}

}  // namespace

Srs SrsAccess::from_file(VerifierKey key, MappedFile file, std::vector<std::span<const G1Affine>> levels) {
  ASSAY_CHECK_EQ(levels.size(), key.axes.count());
  return Srs(
      std::make_shared<const Srs::State>(Srs::State{std::move(key), std::move(file), {}, std::move(levels)}));
}

Srs SrsAccess::from_points(VerifierKey key, std::vector<LargeArray<G1Affine>> points) {
  ASSAY_CHECK_EQ(points.size(), key.axes.count());
  Srs::State state{std::move(key), std::nullopt, std::move(points), {}};
  for (std::size_t i = 0; i < state.storage.size(); ++i) {
    ASSAY_CHECK_EQ(state.storage[i].size(), state.key.axes.volume(i));
    state.levels.push_back(std::as_const(state.storage[i]).span());
  }
  return Srs(std::make_shared<const Srs::State>(std::move(state)));
}

Result<Srs> Srs::dev(const Axes& axes, std::uint64_t seed) {
  return from_secrets(axes, internal::dev_secrets(axes, seed));
}

Result<Srs> Srs::from_secrets(const Axes& axes, std::span<const Fr> secrets) {
  if (secrets.size() != axes.count())
    return Error{ErrorCode::kMismatch, "secrets",
                 fmt::format("{} for {} axes", secrets.size(), axes.count())};
  const std::uint64_t total = internal::total_points(axes);
  if (total > kMaxPointsInMemory)
    return Error{ErrorCode::kTooLarge, "axes " + axes.to_string(),
                 fmt::format("{} points are more than the {} that are made in memory; write them to a file",
                             total, kMaxPointsInMemory)};
  const internal::LevelMaker maker(axes, secrets);
  Progress progress("make SRS", total);
  std::vector<LargeArray<G1Affine>> levels(axes.count());
  std::vector<Digest> digests;
  for (std::size_t level = 0; level < axes.count(); ++level) {
    levels[level] = ASSAY_TRY(internal::allocate_large<G1Affine>(axes.volume(level), "SRS"));
    G1Affine* out = levels[level].data();
    ASSAY_TRY(maker.make(level, progress, [&](std::span<const G1Affine> points) -> Status {
      out = std::copy(points.begin(), points.end(), out);
      return {};
    }));
    digests.push_back(sha256(raw_bytes(levels[level].span())));
  }
  return SrsAccess::from_points(internal::make_verifier_key(axes, secrets, std::move(digests)),
                                std::move(levels));
}

const VerifierKey& Srs::verifier_key() const { return state_->key; }

std::size_t Srs::first_level() const {
  std::size_t first = 0;
  while (state_->levels[first].empty()) ++first;
  return first;
}

std::span<const G1Affine> Srs::level(std::size_t i) const {
  ASSAY_CHECK(i >= first_level() && i <= state_->levels.size(), i, first_level());
  return i == state_->levels.size() ? generator_level() : state_->levels[i];
}

Status Srs::require_level(std::size_t i) const {
  if (i >= first_level()) return {};
  return Error{ErrorCode::kUnsupported, "SRS",
               fmt::format("level {} is needed, the file has those from {} on: use the whole SRS, or one "
                           "trimmed from level {} at most",
                           i, first_level(), i)};
}

}  // namespace assay::pst
