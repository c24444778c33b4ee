// The payload of a statement, and its envelope.
#include "assay/probe_statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/dsse.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"
#include "probe/keys.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

constexpr std::string_view kTag = "assay/probe/statement/v";
constexpr std::uint32_t kStatementVersion = 1;
constexpr std::size_t kMaxRule = 65536;
constexpr std::uint64_t kLastSecond = 253402300799;  // of the year 9999

// ---- Writing

void write(WireWriter& writer, const std::optional<Digest>& digest) {
  writer.u8(digest ? 1 : 0);
  if (digest) writer.raw(*digest);
}

void write(WireWriter& writer, const StatedProbe& probe) {
  writer.text(probe.name).raw(probe.reader).f64(probe.platt_scale).f64(probe.platt_shift);
  for (const std::uint32_t count : probe.examples) writer.u32(count);
  writer.f64(probe.auroc).f64(probe.auroc_low).f64(probe.auroc_high).f64(probe.ece).f64(probe.brier);
}

// ---- Reading

Result<Digest> read_digest(WireReader& reader, std::string_view field) {
  Digest digest{};
  std::ranges::copy(ASSAY_TRY(reader.raw(digest.size(), field)), digest.begin());
  return digest;
}

Result<bool> read_flag(WireReader& reader, std::string_view field) {
  const std::uint8_t flag = ASSAY_TRY(reader.u8(field));
  if (flag > 1)
    return reader.error(ErrorCode::kNonCanonical, field, fmt::format("{} is neither 0 nor 1", flag));
  return flag == 1;
}

Result<std::optional<Digest>> read_optional(WireReader& reader, std::string_view field) {
  if (!ASSAY_TRY(read_flag(reader, field))) return std::optional<Digest>();
  return std::optional(ASSAY_TRY(read_digest(reader, field)));
}

Result<StatedProbe> read_probe(WireReader& reader) {
  StatedProbe probe;
  probe.name = ASSAY_TRY(reader.text(kMaxText, "probe's name"));
  probe.reader = ASSAY_TRY(read_digest(reader, "covector"));
  probe.platt_scale = ASSAY_TRY(reader.f64("Platt scale"));
  probe.platt_shift = ASSAY_TRY(reader.f64("Platt shift"));
  for (std::uint32_t& count : probe.examples) count = ASSAY_TRY(reader.u32("examples"));
  probe.auroc = ASSAY_TRY(reader.f64("AUROC"));
  probe.auroc_low = ASSAY_TRY(reader.f64("AUROC, low"));
  probe.auroc_high = ASSAY_TRY(reader.f64("AUROC, high"));
  probe.ece = ASSAY_TRY(reader.f64("ECE"));
  probe.brier = ASSAY_TRY(reader.f64("Brier"));
  return probe;
}

Error out_of_range(std::string_view field, std::string reason) {
  return {ErrorCode::kOutOfRange, std::string(field), std::move(reason)};
}

Status check_probe(const StatedProbe& probe) {
  ASSAY_TRY(internal::check_text(probe.name, kMaxText, "name"));
  if (!std::isfinite(probe.platt_scale) || !std::isfinite(probe.platt_shift))
    return out_of_range("Platt", "is infinite or NaN");
  for (const double share : {probe.auroc, probe.auroc_low, probe.auroc_high, probe.ece, probe.brier})
    if (!(share >= 0 && share <= 1) || std::signbit(share))
      return out_of_range("figures", fmt::format("{} is not in 0 to 1", share));
  return {};
}

/// A rule that some file of at most this many rows could have. What it gives is checked against the file.
Status check_row_rule(std::string_view rule, const std::vector<std::uint32_t>& positions) {
  if (rule.size() > kMaxRule)
    return Error{ErrorCode::kTooLarge, "row rule", fmt::format("over {} bytes", kMaxRule)};
  const bool mean = rule == "mean";
  if (mean != (positions.size() == 1 && positions[0] == kMeanPosition))
    return Error{ErrorCode::kMismatch, "positions", "are not of the rule for rows"};
  if (mean || rule == "all") return {};
  const auto rows = ASSAY_TRY(rows_of_rule(rule, std::size_t{1} << 24));
  if (rows.size() != positions.size())
    return Error{ErrorCode::kMismatch, "positions", "are not as many as the rule for rows names"};
  return {};
}

Result<Envelope> envelope_of(std::string_view text, std::string_view place) {
  return Envelope::decode(text, place);
}

}  // namespace

Result<std::vector<std::uint32_t>> rows_of_rule(std::string_view rule, std::size_t count) {
  std::vector<std::uint32_t> rows;
  if (rule == "all" || rule == "mean") {
    for (std::uint32_t i = 0; i < count; ++i) rows.push_back(i);
    return rows;
  }
  std::string again;
  for (std::string_view rest = rule; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    std::uint32_t row = 0;
    const auto [at, failure] = std::from_chars(rest.data(), rest.data() + end, row);
    if (failure != std::errc() || at != rest.data() + end)
      return Error{ErrorCode::kMalformed, "rows", "a rule is all, mean, or numbers of rows: 0,5"};
    if (row >= count) return out_of_range("rows", fmt::format("row {}, there are {}", row, count));
    if (!rows.empty() && row <= rows.back()) return out_of_range("rows", "the numbers do not ascend");
    rows.push_back(row);
    again += fmt::format("{}{}", again.empty() ? "" : ",", row);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (rows.empty() || again != rule)
    return Error{ErrorCode::kMalformed, "rows", "a rule is all, mean, or numbers of rows: 0,5"};
  return rows;
}

Status Statement::validate() const {
  ASSAY_TRY(internal::check_text(model_id, kMaxText, "model id"));
  ASSAY_TRY(internal::check_text(position_rule, kMaxText, "rule of positions"));
  ASSAY_TRY(internal::check_text(engine, RowsFile::kMaxEngine, "engine"));
  for (const double number : {geometry.jitter, geometry.trace, geometry.frobenius})
    if (!(number >= 0 && std::isfinite(number)) || std::signbit(number))
      return out_of_range("geometry", fmt::format("{} is not a number from 0 on", number));
  if (probes.empty() || probes.size() > kMaxProbes)
    return Error{ErrorCode::kTooLarge, "probes",
                 fmt::format("{} of them, 1 to {} are taken", probes.size(), kMaxProbes)};
  for (std::size_t i = 0; i < probes.size(); ++i)
    ASSAY_TRY(within(fmt::format("probe {}", i), check_probe(probes[i])));
  if (positions.empty() || readings.size() != positions.size() * probes.size() ||
      readings.size() > kMaxReadings)
    return Error{ErrorCode::kMismatch, "readings",
                 fmt::format("{} of {} rows and {} probes, 1 to {} are taken", readings.size(),
                             positions.size(), probes.size(), kMaxReadings)};
  if (std::ranges::adjacent_find(positions, std::ranges::greater_equal()) != positions.end())
    return Error{ErrorCode::kNonCanonical, "positions", "they do not ascend"};
  ASSAY_TRY(check_row_rule(row_rule, positions));
  if (!std::ranges::all_of(readings, [](double value) { return std::isfinite(value); }))
    return out_of_range("readings", "one is infinite or NaN");
  if (issued_at >= expires_at || expires_at > kLastSecond)
    return out_of_range("time", fmt::format("issued at {}, expires at {}", issued_at, expires_at));
  return {};
}

Bytes Statement::encode() const {
  WireWriter writer;
  writer.begin(kTag, kStatementVersion).text(model_id).u8(static_cast<std::uint8_t>(precision));
  for (const auto* digest : {&weights_root, &tokenizer, &chat_template, &tokens}) write(writer, *digest);
  writer.raw(activations).raw(unembedding).u8(geometry.centred ? 1 : 0);
  write(writer, geometry.gain);
  writer.f64(geometry.jitter).f64(geometry.trace).f64(geometry.frobenius);
  writer.raw(probe_set).u32(layer).text(position_rule).text(row_rule);
  write(writer, rows);
  writer.u32(static_cast<std::uint32_t>(probes.size()));
  for (const StatedProbe& probe : probes) write(writer, probe);
  writer.raw(corpus).u64(split_seed);
  write(writer, evaluation);
  write(writer, causal);
  writer.u32(static_cast<std::uint32_t>(positions.size()));
  for (const std::uint32_t position : positions) writer.u32(position);
  for (const double reading : readings) writer.f64(reading);
  writer.text(engine);
  write(writer, nonce);
  writer.u64(issued_at).u64(expires_at);
  write(writer, previous);
  return writer.raw(key_id).take();
}

Result<Statement> Statement::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kStatementVersion));
  Statement out;
  out.model_id = ASSAY_TRY(reader.text(kMaxText, "model id"));
  const std::uint8_t precision = ASSAY_TRY(reader.u8("precision"));
  if (precision > static_cast<std::uint8_t>(Precision::kInt8))
    return reader.error(ErrorCode::kMalformed, "precision", fmt::format("{} is none", precision));
  out.precision = static_cast<Precision>(precision);
  out.weights_root = ASSAY_TRY(read_optional(reader, "root of the weights"));
  out.tokenizer = ASSAY_TRY(read_optional(reader, "tokenizer"));
  out.chat_template = ASSAY_TRY(read_optional(reader, "chat template"));
  out.tokens = ASSAY_TRY(read_optional(reader, "tokens"));
  out.activations = ASSAY_TRY(read_digest(reader, "activations"));
  out.unembedding = ASSAY_TRY(read_digest(reader, "unembedding"));
  out.geometry.centred = ASSAY_TRY(read_flag(reader, "centred"));
  out.geometry.gain = ASSAY_TRY(read_optional(reader, "gain"));
  out.geometry.jitter = ASSAY_TRY(reader.f64("jitter"));
  out.geometry.trace = ASSAY_TRY(reader.f64("trace"));
  out.geometry.frobenius = ASSAY_TRY(reader.f64("norm"));
  out.probe_set = ASSAY_TRY(read_digest(reader, "set of probes"));
  out.layer = ASSAY_TRY(reader.u32("layer"));
  out.position_rule = ASSAY_TRY(reader.text(kMaxText, "rule of positions"));
  out.row_rule = ASSAY_TRY(reader.text(kMaxRule, "row rule"));
  out.rows = ASSAY_TRY(read_optional(reader, "file of rows"));
  // A name and its length, a digest, seven f64 and three LE32.
  const auto probes = ASSAY_TRY(reader.count(104, kMaxProbes, "probes"));
  for (std::uint32_t i = 0; i < probes; ++i) out.probes.push_back(ASSAY_TRY(read_probe(reader)));
  out.corpus = ASSAY_TRY(read_digest(reader, "corpus"));
  out.split_seed = ASSAY_TRY(reader.u64("seed of the split"));
  out.evaluation = ASSAY_TRY(read_optional(reader, "evaluation"));
  out.causal = ASSAY_TRY(read_optional(reader, "causal results"));
  const auto positions = ASSAY_TRY(
      reader.count(sizeof(std::uint32_t) + std::size_t{probes} * sizeof(double), kMaxReadings, "rows"));
  for (std::uint32_t i = 0; i < positions; ++i)
    out.positions.push_back(ASSAY_TRY(reader.u32("token position")));
  for (std::size_t i = 0; i < std::size_t{positions} * probes; ++i)
    out.readings.push_back(ASSAY_TRY(reader.f64("reading")));
  out.engine = ASSAY_TRY(reader.text(RowsFile::kMaxEngine, "engine"));
  out.nonce = ASSAY_TRY(read_optional(reader, "nonce"));
  out.issued_at = ASSAY_TRY(reader.u64("issued"));
  out.expires_at = ASSAY_TRY(reader.u64("expires"));
  out.previous = ASSAY_TRY(read_optional(reader, "statement before"));
  out.key_id = ASSAY_TRY(read_digest(reader, "key id"));
  ASSAY_TRY(reader.finish());
  ASSAY_TRY(within(place, out.validate()));
  return out;
}

Result<std::string> sign(Statement statement, const std::filesystem::path& key_path) {
  const SigningKey key = ASSAY_TRY(internal::read_secret_key(key_path));
  statement.key_id = key_id_of(key.public_key());
  ASSAY_TRY(statement.validate());
  return Envelope::sign(std::string(Statement::kPayloadType), statement.encode(), key).encode();
}

Result<std::string> read_envelope(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, Envelope::kMaxBytes));
  return std::string(bytes.begin(), bytes.end());
}

Result<Digest> payload_digest(std::string_view envelope, std::string_view place) {
  return sha256(ASSAY_TRY(envelope_of(envelope, place)).payload);
}

Result<Statement> open_statement(std::string_view text, std::string_view place) {
  const Envelope envelope = ASSAY_TRY(envelope_of(text, place));
  if (envelope.payload_type != Statement::kPayloadType)
    return Error{ErrorCode::kMalformed, std::string(place),
                 fmt::format("is of type '{}', not a statement about readings", envelope.payload_type)};
  return Statement::decode(envelope.payload, place);
}

}  // namespace assay::probe
