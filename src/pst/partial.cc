// A commitment as a sum of the shares of parts.
#include <fmt/format.h>

#include <algorithm>

#include "assay/pst.h"
#include "base/check.h"
#include "base/try.h"

namespace assay::pst {
namespace {

Status check_segments(const Axes& axes, std::span<const Segment> segments) {
  const std::uint64_t volume = axes.volume();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    if (segment.first > volume || segment.values.size() > volume - segment.first)
      return Error{ErrorCode::kOutOfRange, fmt::format("segment {}", i),
                   fmt::format("{} values from index {} on, the axes {} have {}", segment.values.size(),
                               segment.first, axes.to_string(), volume)};
    if (segment.values.kind() != segments[0].values.kind())
      return Error{ErrorCode::kMismatch, fmt::format("segment {}", i),
                   "its integers are not those of segment 0"};
  }
  return {};
}

/// Goes through the values of segments one after another, in pieces of as many as wanted.
class Pieces {
 public:
  explicit Pieces(std::span<const Segment> segments) : runs_(segments) {}

  /// Calls take(segment, offset in the segment, count) until `wanted` values are taken.
  template <class Take>
  void next(std::size_t wanted, Take&& take) {
    while (wanted > 0) {
      const Segment& segment = runs_[index_];
      const std::size_t count = std::min(wanted, segment.values.size() - offset_);
      take(segment, offset_, count);
      wanted -= count;
      offset_ += count;
      if (offset_ == segment.values.size()) {
        ++index_;
        offset_ = 0;
      }
    }
  }

 private:
  std::span<const Segment> runs_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace

struct PartialCommitment::State {
  State(Srs of, std::size_t at_most) : srs(std::move(of)), max_together(at_most) {}

  Srs srs;
  std::size_t max_together;
  G1Affine sum = G1Affine::infinity();

  /// The share of segments of one type. One large sum needs fewer additions for each value than many small
  /// ones, so values that lie apart are brought together; the points, many times their size, stay where they
  /// are.
  template <class T>
  G1Affine share_of(std::span<const Segment> segments, std::size_t total) {
    const std::span<const G1Affine> level = srs.level(0);
    const std::size_t chunks = (total - 1) / max_together + 1;
    const std::size_t largest = (total + chunks - 1) / chunks;
    std::vector<T> values(largest);
    std::vector<std::span<const G1Affine>> runs;
    Pieces pieces(segments);
    G1Affine share = G1Affine::infinity();
    for (std::size_t done = 0; done < total;) {
      const std::size_t count = std::min(largest, total - done);
      std::size_t filled = 0;
      runs.clear();
      pieces.next(count, [&](const Segment& segment, std::size_t offset, std::size_t piece) {
        const auto* from = static_cast<const T*>(segment.values.data()) + offset;
        std::copy_n(from, piece, values.begin() + static_cast<std::ptrdiff_t>(filled));
        runs.push_back(level.subspan(segment.first + offset, piece));
        filled += piece;
      });
      share = curve::add(
          share, curve::msm_of_runs_vartime(runs, IntegerView(std::span<const T>(values.data(), count))));
      done += count;
    }
    return share;
  }
};

PartialCommitment::PartialCommitment(Srs srs, std::size_t max_together)
    : state_(std::make_unique<State>(std::move(srs), max_together)) {
  ASSAY_CHECK_GT(max_together, 0);
}
PartialCommitment::PartialCommitment(PartialCommitment&&) noexcept = default;
PartialCommitment& PartialCommitment::operator=(PartialCommitment&&) noexcept = default;
PartialCommitment::~PartialCommitment() = default;

Status PartialCommitment::add(std::span<const Segment> segments) {
  ASSAY_TRY(state_->srs.require_level(0));
  ASSAY_TRY(check_segments(state_->srs.axes(), segments));
  std::vector<Segment> filled;
  std::size_t total = 0;
  for (const Segment& segment : segments) {
    if (segment.values.size() == 0) continue;
    filled.push_back(segment);
    total += segment.values.size();
  }
  if (filled.empty()) return {};
  const G1Affine share = filled[0].values.visit([&](auto typed) {
    using T = typename decltype(typed)::value_type;
    return state_->template share_of<T>(filled, total);
  });
  state_->sum = curve::add(state_->sum, share);
  return {};
}

G1Affine PartialCommitment::point() const { return state_->sum; }

}  // namespace assay::pst
