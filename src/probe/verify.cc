// The verdicts of all levels, and the one for all.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "assay/probe_statement.h"
#include "base/dsse.h"
#include "base/key_file.h"
#include "base/try.h"
#include "probe/levels.h"

namespace assay::probe {
namespace {

constexpr std::string_view kLevelNames[] = {"L0", "L1", "L2", "L3", "L4", "L5"};
/// Clocks are off by so much.
constexpr std::uint64_t kMaxSkew = 300;

/// What the envelope holds, or the verdict on its form.
struct Opened {
  std::optional<Statement> statement;
  Verdict form;
};

Opened open(const Envelope& envelope, std::string_view place) {
  if (envelope.payload_type != Statement::kPayloadType)
    return {std::nullopt,
            Verdict::rejected("form", fmt::format("it is of type '{}', not a statement about readings",
                                                  envelope.payload_type))};
  Result<Statement> statement = Statement::decode(envelope.payload, place);
  if (!statement.ok()) return {std::nullopt, Verdict::rejected("form", statement.error().to_string())};
  return {*std::move(statement), Verdict::accepted().add_check("form", Grade::kRecomputed)};
}

Verdict not_read() { return Verdict::inconclusive("form", "the payload could not be read"); }

/// The first level up to the one that is required whose verdict is not accepted, rejections first.
Verdict summary(const std::vector<Verdict>& levels, Level require) {
  for (const Outcome outcome : {Outcome::kRejected, Outcome::kInconclusive}) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(require); ++i) {
      const Verdict& level = levels[i];
      if (level.outcome() != outcome) continue;
      std::string reason = fmt::format("{}: {}", kLevelNames[i], level.reason());
      Verdict out = outcome == Outcome::kRejected ? Verdict::rejected(level.step(), std::move(reason))
                                                  : Verdict::inconclusive(level.step(), std::move(reason));
      if (level.item()) out.at_item(*level.item());
      return out;
    }
  }
  return Verdict::accepted();
}

}  // namespace

std::string_view to_string(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::optional<Level> level_from(std::string_view name) {
  const auto* found = std::ranges::find(kLevelNames, name);
  if (found == std::end(kLevelNames)) return std::nullopt;
  return static_cast<Level>(found - std::begin(kLevelNames));
}

Verdict internal::check_signature(const Envelope& envelope, const Statement& statement,
                                  const Evidence& evidence) {
  const Digest id = key_id_of(evidence.key);
  if (statement.key_id != id || envelope.key_id != id)
    return Verdict::rejected("key", "it names another key than the one given");
  if (!envelope.is_signed_by(evidence.key))
    return Verdict::rejected("signature", "the key did not sign this payload");
  Verdict passed = Verdict::accepted();
  passed.add_check("key", Grade::kBound).add_check("signature", Grade::kBound);
  if (evidence.now + kMaxSkew < statement.issued_at)
    return Verdict::rejected("not yet valid",
                             fmt::format("it was issued {} s from now", statement.issued_at - evidence.now));
  if (evidence.now >= statement.expires_at)
    return Verdict::rejected("expired",
                             fmt::format("it expired {} s ago", evidence.now - statement.expires_at));
  passed.add_check("not yet valid", Grade::kBound).add_check("expired", Grade::kBound);
  if (evidence.nonce && statement.nonce != evidence.nonce)
    return Verdict::rejected("nonce", statement.nonce ? "it answers another nonce: it may be an old statement"
                                                      : "it answers no nonce: it may be an old statement");
  passed.add_check("nonce", evidence.nonce ? Grade::kBound : Grade::kMissing);
  if (evidence.previous && statement.previous != evidence.previous)
    return Verdict::rejected("previous statement", "it follows another statement than the one given");
  passed.add_check("previous statement", evidence.previous ? Grade::kBound : Grade::kMissing);
  return passed;
}

std::vector<Reader> internal::readers_of(const ProbeSet& set) {
  std::vector<Reader> readers;
  for (const Probe& probe : set.details->probes) readers.push_back({probe.covector, probe.bias});
  return readers;
}

std::optional<std::vector<float>> internal::rows_read(const Statement& statement,
                                                      const Activations& activations) {
  const LayerRows* layer = activations.find(statement.layer);
  const auto rule = rows_of_rule(statement.row_rule, activations.positions.size());
  if (layer == nullptr || !rule.ok()) return std::nullopt;
  std::vector<float> rows;
  for (const std::uint32_t i : *rule) {
    const auto row = layer->values.subspan(std::size_t{i} * activations.width, activations.width);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

Result<std::vector<float>> rows_of_statement(const Statement& statement, const Activations& activations) {
  std::optional<std::vector<float>> rows = internal::rows_read(statement, activations);
  if (!rows)
    return Error{ErrorCode::kMismatch, "activations",
                 fmt::format("do not have the rows that the statement reads of layer {}", statement.layer)};
  if (statement.row_rule == "mean") return mean_row(*rows, activations.width);
  return *std::move(rows);
}

namespace {

/// Whether the positions are those of the rows that the rule names.
bool has_positions(const Statement& statement, const Activations& activations) {
  if (statement.row_rule == "mean") return true;  // the form has the one position that there is
  const auto rule = rows_of_rule(statement.row_rule, activations.positions.size());
  if (!rule.ok()) return false;
  std::vector<std::uint32_t> positions;
  for (const std::uint32_t i : *rule) positions.push_back(activations.positions[i]);
  return positions == statement.positions;
}

std::string list_text(std::span<const std::uint32_t> positions) {
  constexpr std::size_t kMost = 8;
  if (positions.size() <= kMost) return fmt::format("{}", fmt::join(positions, ", "));
  return fmt::format("{}, .. ({} in all)", fmt::join(positions.first(kMost), ", "), positions.size());
}

}  // namespace

Result<std::vector<float>> own_rows_of_statement(const Statement& statement, const Activations& own,
                                                 const Activations* theirs, std::string_view place) {
  const auto other = [&](std::string reason) {
    return Error{ErrorCode::kMismatch, std::string(place), std::move(reason)};
  };
  if (own.model_id != statement.model_id)
    return other(
        fmt::format("rows of the model '{}', the statement is of '{}'", own.model_id, statement.model_id));
  const bool is_mean = statement.row_rule == "mean";
  Result<std::vector<float>> rows = rows_of_statement(statement, own);
  if (!rows.ok()) return other(rows.error().reason);
  if (is_mean ? theirs != nullptr && own.positions != theirs->positions : !has_positions(statement, own))
    return other(fmt::format("rows of the positions {}, the statement reads rows of {}",
                             list_text(own.positions),
                             list_text(is_mean ? theirs->positions : statement.positions)));
  return rows;
}

Result<Verdict> internal::check_readings(const Statement& statement, const Evidence& evidence) {
  if (!evidence.activations || !evidence.set || !evidence.set->details)
    return Verdict::inconclusive("readings", "activations and set of probes are needed to repeat them");
  const Activations& activations = *evidence.activations;
  if (evidence.set->details->width != activations.width)
    return Verdict::rejected("readings", fmt::format("probes of {} values for rows of {}",
                                                     evidence.set->details->width, activations.width));
  const std::optional<std::vector<float>> rows = rows_read(statement, activations);
  if (!rows || !has_positions(statement, activations))
    return Verdict::rejected("positions", "the rows of the file are not at the positions that are stated");
  const std::vector<Reader> readers = readers_of(*evidence.set);
  const std::vector<double> own =
      ASSAY_TRY(statement.row_rule == "mean" ? read_mean(*rows, activations.width, readers)
                                             : read_rows(*rows, activations.width, readers));
  if (own.size() != statement.readings.size())
    return Verdict::rejected("readings", fmt::format("{} are stated, rows and probes give {}",
                                                     statement.readings.size(), own.size()));
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (std::bit_cast<std::uint64_t>(own[i]) == std::bit_cast<std::uint64_t>(statement.readings[i])) continue;
    return Verdict::rejected("readings",
                             fmt::format("reading {} of row {} is {}, and {} is stated", i % readers.size(),
                                         i / readers.size(), own[i], statement.readings[i]))
        .at_item(i / readers.size())
        .add_check("positions", Grade::kRecomputed);
  }
  return Verdict::accepted()
      .add_check("positions", Grade::kRecomputed)
      .add_check("readings", Grade::kRecomputed)
      .add_figure("readings", std::uint64_t{own.size()});
}

Result<Verdict> verify(std::string_view text, std::string_view place, const Evidence& evidence,
                       Level require) {
  const Envelope envelope = ASSAY_TRY(Envelope::decode(text, place));
  const Opened opened = open(envelope, place);
  std::vector<Verdict> levels = {opened.form};
  if (opened.statement) {
    levels.push_back(internal::check_signature(envelope, *opened.statement, evidence));
    levels.push_back(ASSAY_TRY(internal::check_bindings(*opened.statement, evidence)));
    levels.push_back(ASSAY_TRY(internal::check_readings(*opened.statement, evidence)));
    levels.push_back(ASSAY_TRY(internal::check_activations(*opened.statement, evidence)));
    levels.push_back(ASSAY_TRY(internal::check_statistics(*opened.statement, evidence)));
  } else {
    while (levels.size() < std::size(kLevelNames)) levels.push_back(not_read());
  }
  Verdict out = summary(levels, require);
  out.add_figure("required", std::string(to_string(require)));
  if (!levels[static_cast<std::size_t>(Level::kActivations)].ok()) out.add_note("activations self-reported");
  for (std::size_t i = 0; i < levels.size(); ++i)
    out.add_part(std::string(kLevelNames[i]), std::move(levels[i]));
  return out;
}

}  // namespace assay::probe
