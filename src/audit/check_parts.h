// The parts of check(), in the order in which they are asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/audit_check.h"
#include "assay/audit_measure.h"
#include "audit/facts.h"
#include "audit/opened_rows.h"
#include "audit/products.h"

namespace assay::audit::internal {

/// A rejection, or nothing.
struct Fault {
  std::string step;
  std::string reason;
  std::optional<std::uint64_t> item;  ///< the step of the run that it is about
};
using Found = std::optional<Fault>;
[[nodiscard]] inline Fault fault(std::string step, std::string reason,
                                 std::optional<std::uint64_t> item = {}) {
  return {std::move(step), std::move(reason), item};
}

/// What the parts share.
struct Question {
  const Head& head;
  const Openings& openings;
  const Expectation& expected;
  const Reference& reference;
  Measured* measured = nullptr;  ///< takes what is seen of a run that is known to be honest

  [[nodiscard]] const Facts& facts() const { return reference.facts(); }
  /// Of a position in the sequence.
  [[nodiscard]] std::uint32_t token_at(std::uint64_t position) const {
    const auto& prompt = expected.request.prompt_token_ids;
    return position < prompt.size() ? prompt[position]
                                    : expected.request.output_token_ids[position - prompt.size()];
  }
  /// The position whose row gives the token of a step.
  [[nodiscard]] std::uint64_t position_of(std::uint64_t step) const {
    return expected.request.prompt_token_ids.size() - 1 + step;
  }
};

/// Whether a run keeps the rows of a wire for all tokens of the prompt.
[[nodiscard]] inline bool has_whole_prompt(const Wire& wire, const Facts& facts) {
  return wire.role == Role::kK || wire.role == Role::kV || wire.role == Role::kQkv ||
         (wire.role == Role::kResidual && wire.block < facts.table.blocks);
}

/// Whether the head is about this request and has the wires of this model. Errors: kMismatch (another model).
[[nodiscard]] Result<Found> check_head(const Head& head, const Expectation& expected, const Facts& facts);

/// Whether all that was asked for is there. Errors: kMismatch (more than that is there).
[[nodiscard]] Result<Found> check_missing(const Question& question);
/// Whether steps and rows are those of the head, each of the wire and position that it stands for.
[[nodiscard]] Found check_inclusion(const Question& question);
[[nodiscard]] Found check_drops(const Question& question);
/// Whether the opened steps say the tokens that were delivered.
[[nodiscard]] Found check_said_tokens(const Question& question);
/// Whether an opened row is not there, though the drops are few enough.
[[nodiscard]] bool has_dropped_rows(const Openings& openings);

/// check(), but for the signature, and that it ends no epoch.
[[nodiscard]] Result<Verdict> judge(const Head& head, const Openings* openings, const Expectation& expected,
                                    const Reference& reference, Measured* measured = nullptr);

/// The products of the opened rows, ascending by layer. Errors: kOutOfRange (NaN or Inf), kMismatch (norms).
[[nodiscard]] Result<std::vector<Product>> opened_products(const Question& question, const OpenedRows& rows);
/// What lies between the products, but attention. Errors: as opened_products.
[[nodiscard]] Result<Found> check_chain(const Question& question, const OpenedRows& rows);
[[nodiscard]] Result<Found> check_attention(const Question& question, const OpenedRows& rows);
/// Whether each opened token is the one with the largest logit.
[[nodiscard]] Result<Found> check_tokens(const Question& question, const OpenedRows& rows);

}  // namespace assay::audit::internal
