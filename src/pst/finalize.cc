#include <fmt/format.h>

#include <algorithm>

#include "assay/setup.h"
#include "base/threads.h"
#include "base/try.h"
#include "pst/allocate.h"
#include "pst/basis_change.h"
#include "pst/ceremony_axes.h"
#include "pst/srs_points.h"
#include "pst/srs_state.h"

namespace assay::pst {
namespace internal {

Result<std::vector<std::size_t>> fit_axes(const Axes& wanted, const Axes& offered) {
  std::vector<std::size_t> out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < wanted.count(); ++i) {
    while (next < offered.count() && offered[next] < wanted[i]) ++next;
    if (next == offered.count())
      return Error{ErrorCode::kMismatch, "axes " + wanted.to_string(),
                   fmt::format("axis {} of {} nodes does not fit into the ceremony's axes {}", i, wanted[i],
                               offered.to_string())};
    out.push_back(next++);
  }
  return out;
}

}  // namespace internal

namespace {

/// The powers of the taken axes alone, to exponents below `axes`.
void take_powers(const setup::Powers& powers, const Axes& axes, std::span<const std::size_t> taken,
                 std::span<G1Affine> out) {
  const std::span<const G1Affine> points = powers.points();
  parallel_for(0, out.size(), 4096, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      std::uint64_t rest = k, index = 0;
      for (std::size_t i = axes.count(); i-- > 0;) {
        index += rest % axes[i] * powers.axes().volume(taken[i] + 1);
        rest /= axes[i];
      }
      out[k] = points[index];
    }
  });
}

/// The level behind: the points summed over the first axis, whose rows are out.size() long.
void sum_first_axis(std::span<const G1Affine> points, std::span<G1Affine> out) {
  std::copy_n(points.begin(), out.size(), out.begin());
  for (std::size_t row = out.size(); row < points.size(); row += out.size())
    curve::add_all_vartime(out, points.subspan(row, out.size()));
}

}  // namespace

Result<Finalized> finalize(const setup::Powers& powers, const Axes& axes, const World& world) {
  const std::vector<std::size_t> taken = ASSAY_TRY(internal::fit_axes(axes, powers.axes()));
  if (internal::total_points(axes) > Srs::kMaxPointsInMemory)
    return Error{ErrorCode::kTooLarge, "axes " + axes.to_string(),
                 fmt::format("more than the {} points that are made in memory", Srs::kMaxPointsInMemory)};
  Verdict checked = setup::check_contributors(powers.ceremony());
  if (checked.ok()) checked = setup::check_powers(powers, world);
  if (!checked.ok()) return Finalized{std::move(checked), {}};

  std::vector<LargeArray<G1Affine>> levels;
  levels.push_back(ASSAY_TRY(internal::allocate_large<G1Affine>(axes.volume(), "SRS")));
  take_powers(powers, axes, taken, levels.front().span());
  {
    LargeArray<G1Affine> scratch = ASSAY_TRY(internal::allocate_large<G1Affine>(axes.volume(), "SRS"));
    internal::powers_to_lagrange(axes, levels.front().span(), scratch.span());
  }
  for (std::size_t level = 1; level < axes.count(); ++level) {
    levels.push_back(ASSAY_TRY(internal::allocate_large<G1Affine>(axes.volume(level), "SRS")));
    sum_first_axis(std::as_const(levels[level - 1]).span(), levels[level].span());
  }

  VerifierKey key{
      axes, Trust::kCeremony, {}, {}, powers.ceremony().contributors(), powers.ceremony().digest()};
  const std::vector<G2Affine> secrets = powers.ceremony().secrets();
  for (const std::size_t axis : taken) key.secrets.push_back(secrets[axis]);
  for (const LargeArray<G1Affine>& level : levels)
    key.level_digests.push_back(sha256(raw_bytes(level.span())));
  return Finalized{std::move(checked), SrsAccess::from_points(std::move(key), std::move(levels))};
}

}  // namespace assay::pst
