#include <fmt/format.h>

#include "assay/toploc.h"
#include "base/file.h"
#include "base/try.h"
#include "toploc/json_fields.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kFormat = "assay/toploc/proofs/v1";

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
  json["format"] = kFormat;
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
  internal::FieldReader reader = ASSAY_TRY(internal::FieldReader::parse(text, kFormat, kMaxBytes, place));
  ProofFile file;
  std::string ties_name;
  std::vector<std::string> encoded;
  reader.take("topk", file.topk);
  reader.take("decode_batching_size", file.batching.decode_batching_size);
  reader.take("prefill_rows", file.batching.prefill_rows);
  reader.take("merge_tail_below", file.batching.merge_tail_below);
  reader.take("ties", ties_name);
  reader.take("rows", file.rows);
  reader.take("hidden", file.hidden);
  reader.take("proofs", encoded);
  ASSAY_TRY(reader.finish());
  const std::optional<TieRule> rule = tie_rule(ties_name);
  if (!rule)
    return reader.error({ErrorCode::kOutOfRange, "ties", "it is neither \"libstdc++\" nor \"lower-index\""});
  file.ties = *rule;
  file.proofs.reserve(encoded.size());
  for (std::size_t i = 0; i < encoded.size(); ++i)
    file.proofs.push_back(ASSAY_TRY(from_base64(encoded[i], fmt::format("{}: proof {}", place, i))));
  const Result<std::string> canonical = file.encode();
  if (!canonical.ok()) return reader.error(canonical.error());
  if (*canonical != text)
    return reader.error(
        {ErrorCode::kNonCanonical, "", "it is laid out otherwise than this program writes it"});
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
