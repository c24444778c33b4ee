// Whether what was opened is what was asked for, and what the head is about.
#include <fmt/format.h>

#include <algorithm>

#include "audit/check_parts.h"
#include "audit/run_writer.h"
#include "base/check.h"
#include "base/sha256.h"
#include "base/try.h"

namespace assay::audit::internal {
namespace {

/// The rows of one wire that were asked of a step.
struct AskedRows {
  Wire wire;
  std::uint32_t index = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::vector<AskedRows> asked_rows(const Question& q, const Step& step) {
  std::vector<AskedRows> all;
  for (const Asked& asked : asked_of(q.expected.challenge, q.head, step.index)) {
    const std::uint64_t last = step.last_position;
    all.push_back({q.head.wires[asked.wire].wire, asked.wire,
                   asked.all ? last + 1 - step.rows[asked.wire] : last, last});
  }
  return all;
}

std::string name_of(const Wire& wire, std::uint64_t position) {
  return fmt::format("{}, position {}", wire.to_string(), position);
}

Result<Found> match_rows(const Question& q, const Openings::OpenedStep& opened) {
  std::span<const Openings::Row> rest = opened.rows;
  for (const AskedRows& asked : asked_rows(q, opened.step)) {
    for (std::uint64_t position = asked.first; position <= asked.last; ++position) {
      const auto wanted = std::pair(asked.wire, position);
      if (!rest.empty() && std::pair(rest.front().header.wire, rest.front().header.position) < wanted) break;
      if (rest.empty() || std::pair(rest.front().header.wire, rest.front().header.position) != wanted)
        return Found(
            fault("missing", fmt::format("the row of {}", name_of(asked.wire, position)), opened.step.index));
      rest = rest.subspan(1);
    }
  }
  if (rest.empty()) return Found();
  const RowHeader& more = rest.front().header;
  return Error{ErrorCode::kMismatch, fmt::format("openings: step {}", opened.step.index),
               fmt::format("the row of {} was not asked for", name_of(more.wire, more.position))};
}

Digest leaf_of(const Openings::Row& row) {
  std::array<std::uint8_t, RowHeader::kBytes> header;
  row.header.write(header);
  constexpr std::array<std::uint8_t, 1> kLeaf = {0};  // as merkle::leaf_hash
  return Sha256().update(kLeaf).update(header).update(row.bytes).digest();
}

/// Whether a step has the place, the request and the rows that it must have.
std::string describe_wrong_step(const Question& q, const Step& step) {
  const std::uint64_t prompt = q.expected.request.prompt_token_ids.size();
  if (step.request != q.head.request || step.nonce != q.head.nonce ||
      step.wires != wires_digest(q.head.wires))
    return "its request, nonce or wires are not those of the head";
  if (step.last_position != q.position_of(step.index))
    return fmt::format("it ends at position {}, not {}", step.last_position, q.position_of(step.index));
  for (std::size_t i = 0; i < step.rows.size(); ++i) {
    const Wire& wire = q.head.wires[i].wire;
    const bool whole = has_whole_prompt(wire, q.facts());
    const std::uint64_t wanted = step.index > 0 ? 1 : prompt;
    if (step.rows[i] == wanted || (step.index == 0 && !whole)) continue;
    return fmt::format("it has {} rows of {}, not {}", step.rows[i], wire.to_string(), wanted);
  }
  return {};
}

Found check_step(const Question& q, const Openings::OpenedStep& opened) {
  const Step& step = opened.step;
  const auto refused = [&](std::string reason) { return fault("inclusion", std::move(reason), step.index); };
  const std::string wrong = describe_wrong_step(q, step);
  if (!wrong.empty()) return refused(wrong);
  if (merkle::sized_root(2, step.row_count(), opened.tree) != step.root)
    return refused("the tree of its rows has another root");
  std::vector<std::uint64_t> indices;
  std::vector<Digest> leaves;
  for (const Openings::Row& row : opened.rows) {
    const std::uint32_t wire = *find_wire(q.head.wires, row.header.wire);
    const WireEntry& entry = q.head.wires[wire];
    if (row.header.dtype != RowDtype::kDropped &&
        (row.header.dtype != entry.dtype || row.header.row_bytes != entry.row_bytes))
      return refused(fmt::format("the row of {} is not of the wire's element type and size",
                                 name_of(row.header.wire, row.header.position)));
    indices.push_back(*step.leaf_of(wire, row.header.position));
    leaves.push_back(leaf_of(row));
  }
  const Verdict rows = merkle::verify_many(opened.tree, 2, step.row_count(), indices, leaves, opened.path);
  if (!rows.ok()) return refused("its rows do not lead to its root: " + rows.reason());
  return {};
}

}  // namespace

Result<Found> check_missing(const Question& q) {
  auto opened = q.openings.steps.begin();
  const std::uint64_t last = q.expected.challenge.steps.back();
  for (std::uint64_t step = 0; step <= last; ++step) {
    if (asked_of(q.expected.challenge, q.head, step).empty()) continue;
    if (opened == q.openings.steps.end() || opened->step.index > step)
      return Found(fault("missing", fmt::format("step {}", step), step));
    if (opened->step.index < step) break;
    // Else its rows cannot be told apart.
    if (opened->step.rows.size() != q.head.wires.size())
      return Found(fault("inclusion", "it has other wires than the head", step));
    const Found rows = ASSAY_TRY(match_rows(q, *opened));
    if (rows) return rows;
    ++opened;
  }
  if (opened == q.openings.steps.end()) return Found();
  return Error{ErrorCode::kMismatch, "openings",
               fmt::format("step {} was not asked for", opened->step.index)};
}

Found check_inclusion(const Question& q) {
  if (merkle::sized_root(2, q.head.steps, q.openings.tree) != q.head.root)
    return fault("inclusion", "the tree of steps has another root than the head");
  std::vector<std::uint64_t> indices;
  std::vector<Digest> leaves;
  for (const Openings::OpenedStep& opened : q.openings.steps) {
    Found wrong = check_step(q, opened);
    if (wrong) return wrong;
    indices.push_back(opened.step.index);
    leaves.push_back(merkle::leaf_hash(opened.step.encode()));
  }
  const Verdict steps =
      merkle::verify_many(q.openings.tree, 2, q.head.steps, indices, leaves, q.openings.path);
  if (!steps.ok()) return fault("inclusion", "the steps do not lead to the head: " + steps.reason());
  return {};
}

Found check_drops(const Question& q) {
  if (static_cast<double>(q.head.drops) >
      q.expected.tolerance.dropped_share * static_cast<double>(q.head.rows))
    return fault("drops", fmt::format("{} of {} rows are not there", q.head.drops, q.head.rows));
  std::uint64_t said = 0;
  for (const Openings::OpenedStep& opened : q.openings.steps) {
    said += opened.step.drops;
    const auto gone = static_cast<std::uint64_t>(std::ranges::count(
        opened.rows, RowDtype::kDropped, [](const Openings::Row& row) { return row.header.dtype; }));
    const bool whole = opened.rows.size() == opened.step.row_count();
    if (gone > opened.step.drops || (whole && gone != opened.step.drops))
      return fault("drops",
                   fmt::format("{} opened rows are not there, the step says {}", gone, opened.step.drops),
                   opened.step.index);
  }
  if (said > q.head.drops) return fault("drops", "the opened steps say more drops than the head");
  return {};
}

Found check_said_tokens(const Question& q) {
  for (const Openings::OpenedStep& opened : q.openings.steps) {
    const std::uint32_t delivered = q.expected.request.output_token_ids[opened.step.index];
    if (opened.step.token != delivered)
      return fault("token",
                   fmt::format("the step says token {}, {} was delivered", opened.step.token, delivered),
                   opened.step.index);
  }
  return {};
}

bool has_dropped_rows(const Openings& openings) {
  for (const Openings::OpenedStep& opened : openings.steps)
    for (const Openings::Row& row : opened.rows)
      if (row.header.dtype == RowDtype::kDropped) return true;
  return false;
}

}  // namespace assay::audit::internal
