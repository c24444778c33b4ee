#include <fmt/format.h>

#include "assay/toploc.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kFormat = "assay/toploc/proofs/v";
constexpr std::uint32_t kVersion = 1;

Status validate(const ProofFile& file) {
  if (file.topk == 0 || file.topk > kMaxTopK)
    return Error{ErrorCode::kOutOfRange, "topk", fmt::format("{} is not in 1 to {}", file.topk, kMaxTopK)};
  const std::size_t chunks = ASSAY_TRY(chunk_lengths(file.rows, file.hidden, file.batching)).size();
  if (file.proofs.size() != chunks)
    return Error{ErrorCode::kMismatch, "proofs",
                 fmt::format("{} of them for {} chunks", file.proofs.size(), chunks)};
  const std::size_t expected = 2 + 2 * std::size_t{file.topk};
  for (std::size_t i = 0; i < chunks; ++i) {
    if (file.proofs[i].size() != expected)
      return Error{
          ErrorCode::kMismatch, fmt::format("proof {}", i),
          fmt::format("{} bytes, a proof of {} values has {}", file.proofs[i].size(), file.topk, expected)};
  }
  return {};
}

}  // namespace

Result<std::string> ProofFile::encode() const {
  ASSAY_TRY(validate(*this));
  Json json;
  json["format"] = fmt::format("{}{}", kFormat, kVersion);
  json["topk"] = topk;
  json["decode_batching_size"] = batching.decode_batching_size;
  json["prefill_rows"] = batching.prefill_rows;
  json["merge_tail_below"] = batching.merge_tail_below;
  json["ties"] = to_string(ties);
  json["rows"] = rows;
  json["hidden"] = hidden;
  json["proofs"] = Json::array();
  for (const Bytes& proof : proofs) json["proofs"].push_back(to_base64(proof));
  return dump_json(json) + "\n";
}

Result<ProofFile> ProofFile::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields =
      ASSAY_TRY(json.root().format(kFormat, kVersion,
                                   {"topk", "decode_batching_size", "prefill_rows", "merge_tail_below",
                                    "ties", "rows", "hidden", "proofs"}));
  ProofFile file;
  file.topk = ASSAY_TRY(fields["topk"].integer<std::uint32_t>());
  file.batching.decode_batching_size = ASSAY_TRY(fields["decode_batching_size"].integer<std::uint32_t>());
  file.batching.prefill_rows = ASSAY_TRY(fields["prefill_rows"].integer<std::uint64_t>());
  file.batching.merge_tail_below = ASSAY_TRY(fields["merge_tail_below"].integer<std::uint32_t>());
  const std::optional<TieRule> rule = tie_rule(ASSAY_TRY(fields["ties"].text(kMaxBytes)));
  if (!rule)
    return fields["ties"].error(ErrorCode::kOutOfRange, "it is neither \"libstdc++\" nor \"lower-index\"");
  file.ties = *rule;
  file.rows = ASSAY_TRY(fields["rows"].integer<std::uint64_t>());
  file.hidden = ASSAY_TRY(fields["hidden"].integer<std::uint64_t>());
  const JsonArray proofs = ASSAY_TRY(fields["proofs"].array(kMaxProofs));
  file.proofs = ASSAY_TRY(
      proofs.all([](const JsonValue& proof) { return proof.base64(2 + 2 * std::size_t{kMaxTopK}); }));
  const Result<std::string> canonical = file.encode();
  if (!canonical.ok()) return within(place, canonical.error());
  if (*canonical != text)
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return file;
}

Result<ProofFile> ProofFile::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status ProofFile::write(const std::filesystem::path& path) const {
  return write_file(path, ASSAY_TRY(encode()));
}

}  // namespace assay::toploc
