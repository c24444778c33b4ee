#include <fmt/format.h>

#include "assay/toploc_files.h"
#include "base/file.h"
#include "base/try.h"
#include "base/within.h"
#include "toploc/parameters_json.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kFormat = "assay/toploc/proofs/v";
constexpr std::uint32_t kVersion = 1;

Status validate(const ProofFile& file) {
  ASSAY_TRY(file.parameters.validate());
  const std::size_t chunks =
      ASSAY_TRY(chunk_lengths(file.rows, file.hidden, file.parameters.batching)).size();
  if (file.proofs.size() != chunks)
    return Error{ErrorCode::kMismatch, "proofs",
                 fmt::format("{} of them for {} chunks", file.proofs.size(), chunks)};
  const std::size_t expected = proof_size(file.parameters.topk);
  for (std::size_t i = 0; i < chunks; ++i) {
    if (file.proofs[i].size() != expected)
      return Error{ErrorCode::kMismatch, fmt::format("proof {}", i),
                   fmt::format("{} bytes, a proof of {} values has {}", file.proofs[i].size(),
                               file.parameters.topk, expected)};
  }
  return {};
}

}  // namespace

Result<ProofFile> ProofFile::build(std::uint64_t rows, std::uint64_t hidden,
                                   std::span<const std::uint16_t> values, const Parameters& parameters) {
  const std::vector<std::uint64_t> lengths = ASSAY_TRY(chunk_lengths(rows, hidden, parameters.batching));
  ProofFile file{parameters, rows, hidden, {}};
  file.proofs.reserve(lengths.size());
  for (const Proof& proof : ASSAY_TRY(toploc::build(values, lengths, parameters.topk, parameters.ties)))
    file.proofs.push_back(proof.encode());
  return file;
}

Result<std::string> ProofFile::encode() const {
  ASSAY_TRY(validate(*this));
  Json json;
  json["format"] = fmt::format("{}{}", kFormat, kVersion);
  internal::put_parameters(json, parameters);
  json["rows"] = rows;
  json["hidden"] = hidden;
  json["proofs"] = Json::array();
  for (const Bytes& proof : proofs) json["proofs"].push_back(to_base64(proof));
  return dump_json(json) + "\n";
}

Result<ProofFile> ProofFile::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields = ASSAY_TRY(
      json.root().format(kFormat, kVersion, internal::with_parameters({"rows", "hidden", "proofs"})));
  ProofFile file;
  file.parameters = ASSAY_TRY(internal::read_parameters(fields));
  file.rows = ASSAY_TRY(fields["rows"].integer<std::uint64_t>());
  file.hidden = ASSAY_TRY(fields["hidden"].integer<std::uint64_t>());
  const JsonArray proofs = ASSAY_TRY(fields["proofs"].array(kMaxProofs));
  file.proofs =
      ASSAY_TRY(proofs.all([](const JsonValue& proof) { return proof.base64(proof_size(kMaxTopK)); }));
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
