// What the opened rows say of one another.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "audit/chain.h"
#include "audit/check_parts.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "tensor/float_values.h"

namespace assay::audit::internal {

OpenedRows::OpenedRows(const Openings& openings) {
  for (const Openings::OpenedStep& opened : openings.steps) {
    for (const Openings::Row& row : opened.rows)
      rows_.emplace(std::tuple(opened.step.index, row.header.wire, row.header.position), &row);
  }
}

const Openings::Row* OpenedRows::find(std::uint64_t step, const Wire& wire, std::uint64_t position) const {
  const auto found = rows_.find({step, wire, position});
  return found == rows_.end() ? nullptr : found->second;
}

Result<std::vector<double>> OpenedRows::values(std::uint64_t step, const Wire& wire,
                                               std::uint64_t position) const {
  const Openings::Row* row = find(step, wire, position);
  ASSAY_CHECK(row != nullptr, step, wire, position);
  if (row->header.dtype == RowDtype::kDropped) return std::vector<double>();
  Result<std::vector<double>> values = values_of(row->bytes, row->header.dtype, {});
  if (values.ok()) return values;
  // Only a fault has a place to be written out.
  return values_of(row->bytes, row->header.dtype,
                   fmt::format("openings: step {}, {}, position {}", step, wire.to_string(), position));
}

namespace {

/// Rows of one token, by role.
class TokenRows {
 public:
  TokenRows(const OpenedRows& rows, std::uint64_t step, std::uint64_t position)
      : rows_(rows), step_(step), position_(position) {}
  [[nodiscard]] Result<std::vector<double>> operator()(std::uint32_t block, Role role) const {
    return rows_.values(step_, {block, role}, position_);
  }

 private:
  const OpenedRows& rows_;
  std::uint64_t step_;
  std::uint64_t position_;
};

const Norm& norm_of(const Facts& facts, std::uint32_t block, std::uint32_t which) {
  const Norm* norm = facts.norm(block, which);
  // See Facts::check_complete.
  ASSAY_CHECK(norm != nullptr, block, which);
  return *norm;
}

/// The step that fed a position to the model.
std::uint64_t step_of(const Question& q, std::uint64_t position) {
  const std::uint64_t prompt = q.expected.request.prompt_token_ids.size();
  return position < prompt ? 0 : position - prompt + 1;
}

/// The blocks whose attention is looked at, each with the last position that it is looked at for.
std::map<std::uint32_t, std::uint64_t> attention_blocks(const Question& q) {
  std::map<std::uint32_t, std::uint64_t> blocks;
  for (const Challenge::Attention& one : q.expected.challenge.attention)
    blocks[one.block] = std::max(blocks[one.block], q.position_of(one.step));
  return blocks;
}

/// k and v of the positions before, as products of what the residual rows are normed to.
Status add_history(const Question& q, const OpenedRows& rows, std::uint32_t block, std::uint64_t last,
                   std::vector<Product>& products) {
  const Facts& facts = q.facts();
  const FloatFormat format = format_of(facts.dtype);
  const Norm& norm = norm_of(facts, block, 0);
  for (std::uint64_t position = 0; position < last; ++position) {
    const std::uint64_t step = step_of(q, position);
    if (std::ranges::binary_search(q.expected.challenge.steps, step) && position == q.position_of(step))
      continue;
    const std::vector<double> residual = ASSAY_TRY(rows.values(step, {block, Role::kResidual}, position));
    if (residual.empty()) continue;
    const std::vector<std::vector<double>> inputs = norms_of(facts.spec, norm, residual, format);
    for (std::uint32_t op = 0; op < facts.table.ops.size(); ++op) {
      const Wire& output = facts.table.ops[op].output;
      const bool kept = output.role == Role::kK || output.role == Role::kV || output.role == Role::kQkv;
      if (output.block != block || !kept) continue;
      std::vector<double> given = ASSAY_TRY(rows.values(step, output, position));
      if (!given.empty()) products.push_back({op, step, position, inputs, std::move(given), true});
    }
  }
  return {};
}

/// The row that the residual stream starts with, where the reference says it.
Result<std::string> wrong_embedding(const Question& q, const Openings::Row& row, std::uint64_t position) {
  const Facts& facts = q.facts();
  if (row.header.dtype == RowDtype::kDropped) return std::string();
  const std::uint32_t token = q.token_at(position);
  if (!facts.embedding.empty()) {
    if (token >= facts.embedding.size()) return fmt::format("the embedding has no token {}", token);
    if (mark_of(row.bytes) == facts.embedding[token]) return std::string();
    return fmt::format("position {} does not start with the embedding of token {}", position, token);
  }
  const weights::Folder* folder = q.reference.folder();
  if (folder == nullptr || facts.spec.family != Family::kGpt2) return std::string();
  std::vector<double> sum(facts.spec.hidden);
  for (const auto& [name, index] :
       {std::pair("wte.weight", std::uint64_t{token}), {"wpe.weight", position}}) {
    const tensor::StoredTensor* stored = folder->find(name);
    if (stored == nullptr) stored = folder->find(std::string("transformer.") + name);
    if (stored == nullptr || stored->shape.size() != 2 || stored->shape[1] != sum.size())
      return Error{ErrorCode::kMismatch, name, "the folder has no such embedding"};
    if (index >= stored->shape[0]) return fmt::format("{} has no row {}", name, index);
    std::vector<double> values(sum.size());
    const tensor::TensorView view = ASSAY_TRY(tensor::view_of(*stored));
    ASSAY_TRY(tensor::read_floats(view, index * values.size(), 1, values));
    const FloatFormat format = format_of(facts.dtype);
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] = round_to(sum[i] + round_to(values[i], format), format);
  }
  if (std::ranges::equal(to_row(sum, facts.dtype), row.bytes)) return std::string();
  return fmt::format("position {} does not start with the embedding of token {}", position, token);
}

/// Whether a row follows from those before it: why not, or "". Nothing follows from rows that are not there.
template <class Compute>
std::string broken(std::initializer_list<const std::vector<double>*> from, const std::vector<double>& given,
                   const Compute& compare) {
  const bool there = std::ranges::none_of(from, [](const std::vector<double>* row) { return row->empty(); });
  return there && !given.empty() ? compare() : std::string();
}

/// The chain of one block for one token; says what does not follow.
Result<std::string> broken_block(const Question& q, const TokenRows& row, std::uint32_t block) {
  const Facts& facts = q.facts();
  const FloatFormat format = format_of(facts.dtype);
  const ModelSpec& spec = facts.spec;
  const auto wrong = [&](std::string_view what, const std::string& reason) {
    return fmt::format("block {}: {}: {}", block, what, reason);
  };
  const std::vector<double> residual = ASSAY_TRY(row(block, Role::kResidual));
  const std::vector<double> input = ASSAY_TRY(row(block, Role::kQkvInput));
  std::string reason = broken({&residual}, input, [&] {
    return compare_norm(spec, norm_of(facts, block, 0), residual, input, format, q.measured);
  });
  if (!reason.empty()) return wrong("the input of attention is not the norm of the residual", reason);
  const std::vector<double> o = ASSAY_TRY(row(block, Role::kO));
  const std::vector<double> middle = residual.empty() || o.empty() ? o : added(residual, o, format);
  const std::vector<double> mlp_input = ASSAY_TRY(row(block, Role::kMlpInput));
  reason = broken({&residual, &o}, mlp_input, [&] {
    return compare_norm(spec, norm_of(facts, block, 1), middle, mlp_input, format, q.measured);
  });
  if (!reason.empty()) return wrong("the input of the MLP is not the norm of the residual", reason);
  const std::vector<double> up = ASSAY_TRY(row(block, Role::kUp));
  const bool gated = spec.family != Family::kGpt2;
  const std::vector<double> gate = gated ? ASSAY_TRY(row(block, Role::kGate)) : up;
  const std::vector<double> down_input = ASSAY_TRY(row(block, Role::kDownInput));
  reason = broken({&up, &gate}, down_input, [&] {
    const std::span<const double> of_gate = gated ? std::span<const double>(gate) : std::span<const double>();
    return compare_rows(activated(spec, of_gate, up, format), down_input, format,
                        activation_slack(spec, up, format), q.measured);
  });
  if (!reason.empty()) return wrong("the input of the last layer is not what the activation gives", reason);
  const std::vector<double> down = ASSAY_TRY(row(block, Role::kDown));
  const std::vector<double> next = ASSAY_TRY(row(block + 1, Role::kResidual));
  reason = broken({&residual, &o, &down}, next, [&] {
    return added(middle, down, format) == next
               ? ""
               : "it is not the sum of the one before and what the block gave";
  });
  if (!reason.empty()) return wrong("the next residual", reason);
  return std::string();
}

/// q, or k and v, of a row as attention takes them.
Result<AttentionRow> attention_row(const Question& q, const OpenedRows& rows, std::uint32_t block,
                                   std::uint64_t position, bool asked) {
  const Facts& facts = q.facts();
  const ModelSpec& spec = facts.spec;
  const FloatFormat format = format_of(facts.dtype);
  const std::uint64_t step = step_of(q, position);
  AttentionRow out;
  if (spec.family == Family::kGpt2) {
    const std::vector<double> all = ASSAY_TRY(rows.values(step, {block, Role::kQkv}, position));
    if (all.empty()) return out;
    const auto part = [&](std::size_t i) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(i * spec.hidden);
      return std::vector<double>(first, first + spec.hidden);
    };
    return AttentionRow{part(0), part(1), part(2)};
  }
  out.k = ASSAY_TRY(rows.values(step, {block, Role::kK}, position));
  out.v = ASSAY_TRY(rows.values(step, {block, Role::kV}, position));
  // Norms of heads are there for the families that have them.
  rotate(spec, facts.norm(block, 3), position, format, out.k);
  if (!asked) return out;
  out.q = ASSAY_TRY(rows.values(step, {block, Role::kQ}, position));
  rotate(spec, facts.norm(block, 2), position, format, out.q);
  return out;
}

}  // namespace

Result<std::vector<Product>> opened_products(const Question& q, const OpenedRows& rows) {
  const std::vector<Op>& ops = q.facts().table.ops;
  std::vector<Product> products;
  for (const std::uint64_t step : q.expected.challenge.steps) {
    const std::uint64_t position = q.position_of(step);
    for (std::uint32_t op = 0; op < ops.size(); ++op) {
      if (!q.expected.blocks.has(ops[op].output, q.facts().table.blocks)) continue;
      std::vector<double> input = ASSAY_TRY(rows.values(step, ops[op].input, position));
      std::vector<double> output = ASSAY_TRY(rows.values(step, ops[op].output, position));
      if (input.empty() || output.empty()) continue;
      products.push_back({op, step, position, {std::move(input)}, std::move(output), false});
    }
  }
  if (q.facts().has_chain())
    for (const auto& [block, last] : attention_blocks(q))
      ASSAY_TRY(add_history(q, rows, block, last, products));
  std::ranges::stable_sort(products, {}, &Product::op);
  return products;
}

Result<Found> check_chain(const Question& q, const OpenedRows& rows) {
  const Facts& facts = q.facts();
  if (!facts.has_chain()) return Found();
  const FloatFormat format = format_of(facts.dtype);
  for (std::uint64_t position = 0; position <= q.position_of(q.expected.challenge.steps.back()); ++position) {
    const std::uint64_t step = step_of(q, position);
    const std::string reason =
        ASSAY_TRY(wrong_embedding(q, *rows.find(step, {0, Role::kResidual}, position), position));
    if (!reason.empty()) return Found(fault("chain", reason, step));
  }
  for (const std::uint64_t step : q.expected.challenge.steps) {
    const std::uint64_t position = q.position_of(step);
    const TokenRows row(rows, step, position);
    std::string reason;
    for (std::uint32_t block = 0; block < facts.table.blocks && reason.empty(); ++block)
      if (q.expected.blocks.has(block)) reason = ASSAY_TRY(broken_block(q, row, block));
    if (reason.empty()) {
      const std::vector<double> residual = ASSAY_TRY(row(facts.table.blocks, Role::kResidual));
      const std::vector<double> last = ASSAY_TRY(row(Wire::kNoBlock, Role::kFinalNorm));
      reason = broken({&residual}, last, [&] {
        return compare_norm(facts.spec, norm_of(facts, Wire::kNoBlock, 0), residual, last, format,
                            q.measured);
      });
      if (!reason.empty()) reason.insert(0, "the final norm: ");
    }
    if (!reason.empty()) return Found(fault("chain", reason, step));
  }
  return Found();
}

Result<Found> check_attention(const Question& q, const OpenedRows& rows) {
  const Facts& facts = q.facts();
  if (!facts.has_attention()) return Found();
  Progress progress("checking attention", q.expected.challenge.attention.size());
  for (const Challenge::Attention& one : q.expected.challenge.attention) {
    const std::uint64_t last = q.position_of(one.step);
    std::vector<AttentionRow> seen;
    seen.reserve(last + 1);
    bool whole = true;
    for (std::uint64_t position = 0; position <= last; ++position) {
      seen.push_back(ASSAY_TRY(attention_row(q, rows, one.block, position, position == last)));
      whole = whole && !seen.back().k.empty() && !seen.back().v.empty();
    }
    const std::vector<double> given = ASSAY_TRY(rows.values(one.step, {one.block, Role::kOInput}, last));
    if (!whole || seen.back().q.empty() || given.empty()) continue;
    const std::vector<double> expected = attention(facts.spec, seen.back().q, seen);
    const double error = attention_error(facts.spec, expected, given);
    if (q.measured != nullptr) q.measured->attention.push_back(error);
    if (!(error <= q.expected.tolerance.attention_error))
      return Found(
          fault("attention",
                fmt::format("block {}: a head is off by {:.3g} of its norm, at most {:.3g} is rounding",
                            one.block, error, q.expected.tolerance.attention_error),
                one.step));
    progress.advance();
  }
  return Found();
}

Result<Found> check_tokens(const Question& q, const OpenedRows& rows) {
  if (!q.expected.request.is_greedy()) return Found();
  for (const std::uint64_t step : q.expected.challenge.steps) {
    const std::vector<double> logits =
        ASSAY_TRY(rows.values(step, {Wire::kNoBlock, Role::kLogits}, q.position_of(step)));
    const std::uint32_t token = q.expected.request.output_token_ids[step];
    if (logits.empty()) continue;
    if (token >= logits.size())
      return Found(fault("token", fmt::format("there is no token {}", token), step));
    const auto best = static_cast<std::uint64_t>(std::ranges::max_element(logits) - logits.begin());
    // Several may share the largest logit, and any of them is right.
    if (logits[token] < logits[best])
      return Found(
          fault("token", fmt::format("token {} has the largest logit, {} was delivered", best, token), step));
  }
  return Found();
}

}  // namespace assay::audit::internal
