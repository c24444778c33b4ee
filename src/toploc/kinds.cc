#include "toploc/kinds.h"

#include <array>

#include "assay/toploc_fingerprint.h"
#include "base/file.h"
#include "base/json.h"
#include "base/try.h"

namespace assay::toploc {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

constexpr std::uint64_t kMaxFingerprint = 4 * Fingerprint::kMaxValues + 128;  ///< bytes of a file

Json fields_of(const Parameters& parameters) {
  return {{"topk", parameters.topk},
          {"decode_batching_size", parameters.batching.decode_batching_size},
          {"prefill_rows", parameters.batching.prefill_rows},
          {"merge_tail_below", parameters.batching.merge_tail_below},
          {"ties", to_string(parameters.ties)}};
}

Result<Json> read_proofs(const fs::path& path) {
  const ProofFile file = ASSAY_TRY(ProofFile::read(path));
  Json fields = fields_of(file.parameters);
  fields["rows"] = file.rows;
  fields["hidden"] = file.hidden;
  fields["proofs"] = file.proofs.size();
  fields["verified"] = nullptr;
  return fields;
}

Result<Json> read_signature(const fs::path& path) {
  const Signature signature = ASSAY_TRY(Signature::read(path));
  Json fields = {{"model", signature.model},
                 {"dtype", signature.dtype},
                 {"attention", signature.attention},
                 {"prompt_tokens", signature.prompt_token_ids.size()},
                 {"output_tokens", signature.output_token_ids.size()}};
  const Json parameters = fields_of(signature.parameters);
  for (const auto& [name, value] : parameters.items()) fields[name] = value;
  fields["proofs"] = signature.proofs.size();
  fields["verified"] = nullptr;
  return fields;
}

Result<Json> read_profile(const fs::path& path) {
  return parse_json(ASSAY_TRY(Profile::read(path)).to_json(), path.string());
}

Result<Json> read_fingerprint(const fs::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxFingerprint));
  const Fingerprint found = ASSAY_TRY(Fingerprint::decode(bytes, path.string()));
  return Json{{"seed", to_hex(found.seed)},
              {"hidden", found.hidden},
              {"dimensions", found.dimensions},
              {"rows", found.rows()}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kFormat, "assay/toploc/proofs/v", "TOPLOC proofs", read_proofs},
    FileKind{Mark::kFormat, "assay/toploc/signature/v", "TOPLOC signature", read_signature},
    FileKind{Mark::kFormat, "assay/toploc/profile/v", "TOPLOC profile", read_profile},
    FileKind{Mark::kBytes, "assay/toploc/fingerprint/v", "fingerprint of hidden states", read_fingerprint},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::toploc
