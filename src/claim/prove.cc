#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <type_traits>

#include "assay/prover.h"
#include "assay/verifier.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"
#include "claim/query_rules.h"

namespace assay::claim {
namespace {

Status check_count(const Axes& axes, const IntegerView& values) {
  if (values.size() == axes.volume()) return {};
  return Error{ErrorCode::kMismatch, "values",
               fmt::format("{} where the axes {} need {}", values.size(), axes.to_string(), axes.volume())};
}

/// The index of the first value outside the range, or the count.
std::size_t find_outside(const IntegerView& values, const encode::Range& range) {
  return values.visit([&](auto typed) -> std::size_t {
    using T = typename decltype(typed)::value_type;
    if constexpr (std::is_same_v<T, Scalar>) {
      return std::ranges::find_if_not(typed, [&](const Scalar& v) { return range.contains(v); }) -
             typed.begin();
    } else {
      const auto inside = [&](T v) { return range.contains(Scalar::from_i64(v)); };
      const auto [smallest, largest] = std::ranges::minmax_element(typed);
      if (inside(*smallest) && inside(*largest)) return typed.size();
      return std::ranges::find_if_not(typed, inside) - typed.begin();
    }
  });
}

Status check_range(const encode::Layout& layout, const IntegerView& values, const encode::Range& range) {
  const std::size_t outside = find_outside(values, range);
  if (outside == values.size()) return {};
  return Error{ErrorCode::kOutOfRange,
               fmt::format("value at {}", ASSAY_TRY(place_of_index(layout, outside)).to_string()),
               fmt::format("{} is no value of this encoding and dtype, which go from {} to {}",
                           values[outside].to_signed_decimal(), range.smallest.to_signed_decimal(),
                           range.largest.to_signed_decimal())};
}

/// The query in its one form, on the grid or off it.
Result<Query> settle(const Query& query, const Axes& axes) {
  Query settled = query.is_on_grid() ? query : Query::anywhere(query.field, axes);
  if (settled.is_on_grid()) {
    const Result<std::uint64_t> index = axes.index_of(settled.grid);
    if (!index) return index.error();
  } else if (settled.field.size() != axes.count()) {
    return Error{ErrorCode::kMismatch, "point",
                 fmt::format("{} coordinates for {} axes", settled.field.size(), axes.count())};
  }
  return settled;
}

Bytes evidence_of(const pst::Opening& opening) {
  Bytes evidence;
  evidence.reserve(32 * opening.quotients.size());
  for (const G1Affine& quotient : opening.quotients) {
    const auto encoded = curve::encode(quotient);
    evidence.insert(evidence.end(), encoded.begin(), encoded.end());
  }
  return evidence;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Status check_srs(const pst::Srs& srs, const Header& header) {
  const Digest digest = srs.verifier_key().digest();
  if (header.setup_digest == digest && header.layout.axes == srs.axes()) return {};
  return Error{ErrorCode::kMismatch, "SRS",
               fmt::format("its digest is {}, the commitment was made with the SRS {}", to_hex(digest),
                           header.setup_digest ? to_hex(*header.setup_digest) : "(none)")};
}

Result<Commitment> commit(const pst::Srs& srs, Header header, const IntegerView& values) {
  header.setup_digest = srs.verifier_key().digest();
  ASSAY_TRY(header.validate());
  if (header.layout.axes != srs.axes())
    return Error{ErrorCode::kMismatch, "SRS",
                 fmt::format("it is for the axes {}, the layout has {}", srs.axes().to_string(),
                             header.layout.axes.to_string())};
  ASSAY_TRY(check_count(srs.axes(), values));
  const encode::Range range = ASSAY_TRY(header.value_range());
  ASSAY_TRY(check_range(header.layout, values, range));
  const G1Affine point = ASSAY_TRY(pst::commit(srs, values));
  return Commitment{std::move(header), curve::encode(point)};
}

Result<Proofs> prove(const pst::Srs& srs, const Commitment& commitment, const IntegerView& values,
                     std::span<const Query> queries, pst::KeptQuotients* kept) {
  const Axes& axes = srs.axes();
  ASSAY_TRY(check_srs(srs, commitment.header));
  ASSAY_TRY(check_count(axes, values));
  if (queries.empty() || queries.size() > Proofs::kMaxCount)
    return Error{ErrorCode::kOutOfRange, "points",
                 fmt::format("{} points, 1 to {} are possible", queries.size(), Proofs::kMaxCount)};

  std::vector<Query> settled;
  // Points of the grid go together, for they share the work on their first coordinates.
  std::vector<std::vector<std::uint32_t>> grid_points;
  for (std::size_t k = 0; k < queries.size(); ++k) {
    Result<Query> one = settle(queries[k], axes);
    if (!one) return within(fmt::format("point {}", k), one.error());
    if (one->is_on_grid()) grid_points.push_back(one->grid);
    settled.push_back(*std::move(one));
  }
  if (const auto repeated = internal::find_repeated(settled))
    return Error{ErrorCode::kOutOfRange, fmt::format("point {}", *repeated),
                 fmt::format("{} stands twice: ask for each point once", settled[*repeated].to_string())};

  const std::vector<pst::Opening> openings = ASSAY_TRY(pst::open_all(srs, values, grid_points, kept));
  auto next = openings.begin();
  Proofs out(commitment.digest(), static_cast<std::uint32_t>(axes.count()));
  for (const Query& query : settled) {
    const pst::Opening opening =
        query.is_on_grid() ? *next++ : ASSAY_TRY(pst::open_at(srs, values, query.field));
    out.add(query, {opening.value, evidence_of(opening)});
  }
  return out;
}

Result<CheckedProofs> prove_checked(const pst::Srs& srs, const Commitment& commitment,
                                    const IntegerView& values, std::span<const Query> queries,
                                    pst::KeptQuotients* kept, const Captured* captured) {
  std::optional<pst::KeptQuotients> grown;
  if (kept != nullptr) grown = *kept;
  const auto start = std::chrono::steady_clock::now();
  Proofs proofs = ASSAY_TRY(prove(srs, commitment, values, queries, grown ? &*grown : nullptr));
  const auto proved = std::chrono::steady_clock::now();
  VerifyOptions options;
  options.captured = captured;
  options.expected.encoding = commitment.header.encoding;  // the prover's own choice
  Verification found = verify(commitment, proofs, TensorChecker(srs.verifier_key()), options);
  const Verdict& verdict = found.verdict;
  const double verify_seconds = seconds_since(proved);
  if (!verdict.ok() && !verdict.step().starts_with("captured")) {
    const Figure* point = verdict.figure("point");
    return Error{ErrorCode::kMismatch, "",
                 fmt::format("the proof{} does not verify (step {}): the tensor is not the one that was "
                             "committed to{}",
                             point != nullptr ? " at point " + point->to_string() : "", verdict.step(),
                             kept != nullptr ? ", or the kept quotients were changed: remove them" : "")};
  }
  if (kept != nullptr && grown->size() > kept->size()) *kept = *std::move(grown);
  return CheckedProofs{std::move(proofs), std::move(found),
                       std::chrono::duration<double>(proved - start).count(), verify_seconds};
}

Result<pst::KeptQuotients> keep_first_axis(const pst::Srs& srs, const Commitment& commitment,
                                           const IntegerView& values) {
  ASSAY_TRY(check_srs(srs, commitment.header));
  pst::KeptQuotients kept(srs.axes());
  ASSAY_TRY(pst::keep_first_axis(srs, values, kept));
  return kept;
}

}  // namespace assay::claim
