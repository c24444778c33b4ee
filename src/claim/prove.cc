#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <type_traits>

#include "assay/claim_schemes.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"
#include "claim/part_runs.h"
#include "claim/query_rules.h"
#include "claim/value_faults.h"

namespace assay::claim {
namespace {

Status check_count(const Axes& axes, const IntegerView& values) {
  if (values.size() == axes.volume()) return {};
  return Error{ErrorCode::kMismatch, "values",
               fmt::format("{} where the axes {} need {}", values.size(), axes.to_string(), axes.volume())};
}

Status check_range(const encode::Layout& layout, const IntegerView& values, const encode::Range& range) {
  const std::size_t outside = internal::find_outside(values, range);
  if (outside == values.size()) return {};
  return Error{ErrorCode::kOutOfRange,
               fmt::format("value at {}", ASSAY_TRY(place_of_index(layout, outside)).to_string()),
               fmt::format("{} is not a value of this encoding and dtype, which go from {} to {}",
                           values[outside].to_signed_decimal(), range.smallest.to_signed_decimal(),
                           range.largest.to_signed_decimal())};
}

/// The query in its one form, on the grid or off it.
Result<Query> settle(const Query& query, const Axes& axes) {
  if (query.is_of_parts()) {
    ASSAY_TRY(query.parts.check(axes, "parts"));
    return Query::of_parts(query.parts, axes);
  }
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

/// The values of parts that travel.
Result<Bytes> values_of(const encode::Layout& layout, const IntegerView& values, const Selection& parts) {
  const std::vector<internal::PartRun> runs = internal::runs_of(layout, parts);
  std::uint64_t count = 0;
  for (const internal::PartRun& run : runs) count += run.count;
  if (count > Proofs::kMaxBytes / values.element_size())
    return Error{ErrorCode::kTooLarge, "values", "more than a file of proofs holds: open fewer at once"};
  return values.visit([&](auto typed) {
    using T = typename decltype(typed)::value_type;
    std::vector<T> out;
    out.reserve(count);
    for (const internal::PartRun& run : runs) {
      const auto piece = typed.subspan(run.index, run.count);
      out.insert(out.end(), piece.begin(), piece.end());
    }
    return pack_values(IntegerView(out));
  });
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Status check_committer(const Committer& committer, const Header& header) {
  const std::optional<Digest> digest = committer.setup_digest();
  const auto written = [](const std::optional<Digest>& one) { return one ? to_hex(*one) : "(none)"; };
  if (header.scheme != committer.scheme())
    return Error{ErrorCode::kMismatch, "SRS",
                 fmt::format("the commitment was made by the scheme {}, this is for {}",
                             to_string(header.scheme), to_string(committer.scheme()))};
  if (header.setup_digest != digest)
    return Error{ErrorCode::kMismatch, "SRS",
                 fmt::format("its digest is {}, the commitment was made with the SRS {}", written(digest),
                             written(header.setup_digest))};
  return committer.check_layout(header.layout);
}

Status check_srs(const pst::Srs& srs, const Header& header) {
  return check_committer(TensorCommitter(srs), header);
}

Result<Commitment> commit(const Committer& committer, Header header, const IntegerView& values) {
  header.scheme = committer.scheme();
  header.setup_digest = committer.setup_digest();
  ASSAY_TRY(header.validate());
  ASSAY_TRY(committer.check_layout(header.layout));
  ASSAY_TRY(check_count(header.layout.axes, values));
  const encode::Range range = ASSAY_TRY(header.value_range());
  ASSAY_TRY(check_range(header.layout, values, range));
  const auto value = ASSAY_TRY(committer.bind(header, values));
  return Commitment{std::move(header), value};
}

Result<Commitment> commit(const pst::Srs& srs, Header header, const IntegerView& values) {
  return commit(TensorCommitter(srs), std::move(header), values);
}

Result<Proofs> prove(const Committer& committer, const Commitment& commitment, const IntegerView& values,
                     std::span<const Query> queries) {
  const encode::Layout& layout = commitment.header.layout;
  const Axes& axes = layout.axes;
  ASSAY_TRY(check_committer(committer, commitment.header));
  ASSAY_TRY(check_count(axes, values));
  if (queries.empty() || queries.size() > Proofs::kMaxCount)
    return Error{ErrorCode::kOutOfRange, "points",
                 fmt::format("{} points, 1 to {} are possible", queries.size(), Proofs::kMaxCount)};

  std::vector<Query> settled;
  for (std::size_t k = 0; k < queries.size(); ++k) {
    Result<Query> one = settle(queries[k], axes);
    if (!one) return within(fmt::format("point {}", k), one.error());
    if (const Status possible = committer.check_query(layout, *one); !possible)
      return within(fmt::format("point {}", k), possible.error());
    settled.push_back(*std::move(one));
  }
  if (const auto repeated = internal::find_repeated(settled))
    return Error{ErrorCode::kOutOfRange, fmt::format("point {}", *repeated),
                 fmt::format("{} stands twice: ask for each point once", settled[*repeated].to_string())};

  std::vector<Answer> answers = ASSAY_TRY(committer.open(commitment, values, settled));
  Proofs out(commitment.digest(), static_cast<std::uint32_t>(axes.count()));
  for (std::size_t k = 0; k < settled.size(); ++k) {
    const Query& query = settled[k];
    Answer& answer = answers[k];
    if (query.is_of_parts())
      answer.values = ASSAY_TRY(values_of(layout, values, query.parts));
    else if (query.is_on_grid())
      answer.value = Fr::from_scalar(values[ASSAY_TRY(axes.index_of(query.grid))]);
    const std::uint64_t positions = 4 * query.parts.positions.size();
    constexpr std::uint64_t kRest = 64 + 32 * Axes::kMaxCount;
    if (!out.fits(answer.values.size() + answer.evidence.size() + positions + kRest))
      return Error{ErrorCode::kTooLarge, "values", "more than a file of proofs holds: open fewer at once"};
    out.add(query, answer);
    answer = {};
  }
  return out;
}

Result<Proofs> prove(const pst::Srs& srs, const Commitment& commitment, const IntegerView& values,
                     std::span<const Query> queries, pst::KeptQuotients* kept) {
  return prove(TensorCommitter(srs, kept), commitment, values, queries);
}

Result<CheckedProofs> prove_checked(const Committer& committer, const Checker& checker,
                                    const Commitment& commitment, const IntegerView& values,
                                    std::span<const Query> queries, const Captured* captured) {
  const auto start = std::chrono::steady_clock::now();
  Proofs proofs = ASSAY_TRY(prove(committer, commitment, values, queries));
  const auto proved = std::chrono::steady_clock::now();
  VerifyOptions options;
  options.captured = captured;
  options.expected.encoding = commitment.header.encoding;  // the prover's own choice
  Verification found = verify(commitment, proofs, checker, options);
  const Verdict& verdict = found.verdict;
  const double verify_seconds = seconds_since(proved);
  if (!verdict.ok() && !verdict.step().starts_with("captured")) {
    const Figure* point = verdict.figure("point");
    return Error{ErrorCode::kMismatch, "",
                 fmt::format("the proof{} does not verify (step {}): the tensor is not the one that was "
                             "committed to",
                             point != nullptr ? " at point " + point->to_string() : "", verdict.step())};
  }
  return CheckedProofs{std::move(proofs), std::move(found),
                       std::chrono::duration<double>(proved - start).count(), verify_seconds};
}

Result<CheckedProofs> prove_checked(const pst::Srs& srs, const Commitment& commitment,
                                    const IntegerView& values, std::span<const Query> queries,
                                    pst::KeptQuotients* kept, const Captured* captured) {
  std::optional<pst::KeptQuotients> grown;
  if (kept != nullptr) grown = *kept;
  Result<CheckedProofs> made = prove_checked(TensorCommitter(srs, grown ? &*grown : nullptr),
                                             TensorChecker(srs), commitment, values, queries, captured);
  if (!made.ok()) {
    Error error = made.error();
    if (kept != nullptr && error.place.empty())
      error.reason += ", or the kept quotients were changed: remove them";
    return error;
  }
  if (kept != nullptr && grown->size() > kept->size()) *kept = *std::move(grown);
  return made;
}

Result<pst::KeptQuotients> keep_first_axis(const pst::Srs& srs, const Commitment& commitment,
                                           const IntegerView& values) {
  ASSAY_TRY(check_srs(srs, commitment.header));
  pst::KeptQuotients kept(srs.axes());
  ASSAY_TRY(pst::keep_first_axis(srs, values, kept));
  return kept;
}

}  // namespace assay::claim
