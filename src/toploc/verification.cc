#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "assay/toploc_verdict.h"
#include "base/try.h"
#include "toploc/decision.h"

namespace assay::toploc {
namespace {

using Checks = std::vector<Verdict::Check>;

std::optional<Verdict> other_parameters(const Parameters& given, const Asked& asked) {
  const Parameters& wanted = asked.parameters;
  for (const auto& [name, theirs, own] :
       {std::tuple<const char*, std::uint64_t, std::uint64_t>{"topk", given.topk, wanted.topk},
        {"decode_batching_size", given.batching.decode_batching_size, wanted.batching.decode_batching_size},
        {"prefill_rows", given.batching.prefill_rows, wanted.batching.prefill_rows},
        {"merge_tail_below", given.batching.merge_tail_below, wanted.batching.merge_tail_below}}) {
    if (theirs != own)
      return Verdict::rejected("parameters", fmt::format("{} is {}, {} was asked for", name, theirs, own));
  }
  if (!asked.any_ties && given.ties != wanted.ties)
    return Verdict::rejected("parameters", fmt::format("ties is {}, {} was asked for", to_string(given.ties),
                                                       to_string(wanted.ties)));
  return {};
}

std::optional<Verdict> other_shape(const Offer& offer, std::uint64_t rows, std::uint64_t hidden) {
  if (offer.rows != 0 && offer.rows != rows)
    return Verdict::rejected("shape",
                             fmt::format("the proofs are of {} rows, the states are {}", offer.rows, rows));
  if (offer.hidden != 0 && hidden != 0 && offer.hidden != hidden)
    return Verdict::rejected("shape", fmt::format("the proofs are of rows of {} values, the states are of {}",
                                                  offer.hidden, hidden));
  return {};
}

/// What the provider says of its proofs, held against what the verifier says; `checks` gets what passed. A
/// width of 0 is not known.
std::optional<Verdict> ask_word(const Offer& offer, const Asked& asked, std::uint64_t rows,
                                std::uint64_t hidden, Checks& checks) {
  if (offer.parameters) {
    if (std::optional<Verdict> verdict = other_parameters(*offer.parameters, asked)) return verdict;
  }
  checks.push_back({"parameters", offer.parameters ? Grade::kRecomputed : Grade::kMissing});
  if (std::optional<Verdict> verdict = other_shape(offer, rows, hidden)) return verdict;
  checks.push_back({"shape", offer.rows != 0 ? Grade::kRecomputed : Grade::kMissing});
  return {};
}

/// `decoded` gets the proofs.
std::optional<Verdict> ask_proofs(std::span<const Bytes> proofs, std::size_t chunks, std::uint32_t k,
                                  Checks& checks, std::vector<Proof>& decoded) {
  if (proofs.size() != chunks)
    return Verdict::rejected("proof count", fmt::format("{} proofs for {} chunks", proofs.size(), chunks));
  checks.push_back({"proof count", Grade::kRecomputed});
  decoded.reserve(proofs.size());
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    // The verdict's item is the place.
    Result<Proof> proof = Proof::decode(proofs[i], k, "");
    if (!proof.ok()) return Verdict::rejected("proof form", proof.error().to_string()).at_item(i);
    decoded.push_back(*std::move(proof));
  }
  checks.push_back({"proof form", Grade::kRecomputed});
  return {};
}

Verdict with_checks(Verdict verdict, const Checks& checks) {
  for (const Verdict::Check& check : checks) verdict.add_check(check.step, check.grade);
  return verdict;
}

/// The rule of the verifier's own selection.
TieRule rule_of(const Offer& offer, const Asked& asked) {
  return asked.any_ties && offer.parameters ? offer.parameters->ties : asked.parameters.ties;
}

/// How many rows each chunk has. A sequence without rows, whose lengths are given, has no chunks.
Result<std::vector<std::uint64_t>> chunk_rows(const States& states, const Batching& batching) {
  if (states.lengths && states.rows == 0) return std::vector<std::uint64_t>{};
  return chunk_lengths(states.rows, 1, batching);
}

Result<std::vector<Comparison>> compare_selected(std::span<const Proof> proofs, const States& states,
                                                 TieRule rule) {
  std::vector<Comparison> comparisons;
  comparisons.reserve(proofs.size());
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    const Points points = ASSAY_TRY(states.select(i, rule));
    comparisons.push_back(ASSAY_TRY(compare(proofs[i], points.indices, points.values)));
  }
  return comparisons;
}

}  // namespace

Offer Offer::of(const ProofFile& file) { return {file.proofs, file.parameters, file.rows, file.hidden}; }

Offer Offer::of(const Signature& signature) {
  const RowRange rows = rows_of_answer(signature.prompt_token_ids.size(), signature.output_token_ids.size(),
                                       signature.parameters.batching);
  return {signature.proofs, signature.parameters, rows.count, 0};
}

Result<States> States::of(std::span<const std::uint64_t> shape, std::span<const std::uint16_t> values) {
  // Models put an axis of sequences before that of tokens.
  const std::span<const std::uint64_t> axes = shape.size() == 3 && shape[0] == 1 ? shape.subspan(1) : shape;
  if (axes.size() != 2)
    return Error{ErrorCode::kMismatch, "states",
                 fmt::format("{} axes: the shape must be [rows, hidden]", shape.size())};
  if (axes[1] != 0 ? values.size() % axes[1] != 0 || values.size() / axes[1] != axes[0] : !values.empty())
    return Error{ErrorCode::kMismatch, "states",
                 fmt::format("{} values are not {} rows of {}", values.size(), axes[0], axes[1])};
  return States{axes[0], axes[1], values};
}

Result<Verdict> check_offer(const Offer& offer, const Asked& asked, std::uint64_t rows) {
  ASSAY_TRY(asked.parameters.validate());
  Checks checks;
  std::optional<Verdict> no = ask_word(offer, asked, rows, 0, checks);
  if (!no) {
    const std::size_t chunks = ASSAY_TRY(chunk_lengths(rows, 1, asked.parameters.batching)).size();
    std::vector<Proof> decoded;
    no = ask_proofs(offer.proofs, chunks, asked.parameters.topk, checks, decoded);
  }
  return with_checks(no ? *std::move(no) : Verdict::accepted(), checks);
}

Result<Verification> verify(const Offer& offer, const Asked& asked, const States& states,
                            const Profile& profile, const Conditions& conditions) {
  const Parameters& wanted = asked.parameters;
  ASSAY_TRY(wanted.validate());
  Checks checks;
  if (std::optional<Verdict> no = ask_word(offer, asked, states.rows, states.hidden, checks))
    return Verification{with_checks(*std::move(no), checks), {}};
  const std::vector<std::uint64_t> lengths =
      states.lengths ? *states.lengths
                     : ASSAY_TRY(chunk_lengths(states.rows, states.hidden, wanted.batching));
  const std::vector<std::uint64_t> rows = ASSAY_TRY(chunk_rows(states, wanted.batching));
  if (rows.size() != lengths.size())
    return Error{
        ErrorCode::kMismatch, "lengths",
        fmt::format("of {} chunks, where {} rows make {}", lengths.size(), states.rows, rows.size())};
  std::vector<Proof> proofs;
  if (std::optional<Verdict> no = ask_proofs(offer.proofs, lengths.size(), wanted.topk, checks, proofs))
    return Verification{with_checks(*std::move(no), checks), {}};
  const TieRule rule = rule_of(offer, asked);
  std::vector<Comparison> comparisons =
      ASSAY_TRY(states.select ? compare_selected(proofs, states, rule)
                              : compare_all(proofs, states.values, lengths, wanted.topk, rule));
  for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].rows = rows[i];
  Verdict verdict =
      internal::decide_after(checks, comparisons, profile, wanted.batching.decode_batching_size, conditions);
  return Verification{std::move(verdict), std::move(comparisons)};
}

}  // namespace assay::toploc
