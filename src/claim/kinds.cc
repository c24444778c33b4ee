#include "claim/kinds.h"

#include <array>

#include "assay/claim_log.h"
#include "assay/tensor.h"
#include "base/try.h"
#include "claim/report.h"
#include "tensor/kinds.h"

namespace assay::claim {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Result<Json> read_commitment(const fs::path& path) {
  const Commitment commitment = ASSAY_TRY(Commitment::read(path));
  Json fields = {{"digest", to_hex(commitment.digest())}, {"value", to_hex(commitment.value)}};
  const Json header = json_of(commitment.header);
  for (const auto& [name, value] : header.items()) fields[name] = value;
  Json layers = Json::array();
  for (const encode::LayerEntry& layer : commitment.header.layout.layer_map) layers.push_back(layer.name);
  fields["layers"] = layers;
  return fields;
}

Result<Json> read_challenge(const fs::path& path) {
  const Challenge challenge = ASSAY_TRY(Challenge::read(path));
  std::size_t parts = 0;
  for (const Query& query : challenge.queries) parts += query.is_of_parts() ? 1 : 0;
  return Json{{"commitment_digest", to_hex(challenge.commitment_digest)},
              {"queries", challenge.queries.size()},
              {"points", challenge.queries.size() - parts},
              {"slices_or_sets", parts},
              {"digest", to_hex(challenge.digest())}};
}

Result<Json> read_proofs(const fs::path& path) {
  const Proofs proofs = ASSAY_TRY(Proofs::read(path));
  std::size_t parts = 0;
  std::uint64_t values = 0;
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    parts += proofs.is_of_parts(k) ? 1 : 0;
    values += proofs.value_count(k);
  }
  return Json{{"commitment_digest", to_hex(proofs.commitment_digest)},
              {"proofs", proofs.size()},
              {"points", proofs.size() - parts},
              {"slices_or_sets", parts},
              {"values", values},
              {"verified", nullptr}};
}

Json fields_of(const LogHead& head) {
  return {{"blocks", head.count}, {"tokens_of_a_block", head.tokens}, {"root", to_hex(head.root)}};
}

Result<Json> read_log(const fs::path& path) {
  const Log log = ASSAY_TRY(Log::read(path));
  Json fields = {{"blocks", log.size()}, {"tokens_of_a_block", log.tokens()}};
  const Result<LogHead> head = log.head();
  fields["root"] = head.ok() ? Json(to_hex(head->root)) : Json(nullptr);
  return fields;
}

Result<Json> read_log_head(const fs::path& path) { return fields_of(ASSAY_TRY(LogHead::read(path))); }

Result<Json> read_log_proof(const fs::path& path) {
  const LogProof proof = ASSAY_TRY(LogProof::read(path));
  Json fields = fields_of(proof.head);
  fields["block"] = proof.index;
  fields["grown_from_blocks"] = proof.old_count > 0 ? Json(proof.old_count) : Json(nullptr);
  return fields;
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "ASSAYCOM", "commitment", read_commitment},
    FileKind{Mark::kBytes, "ASSAYCHL", "challenge", read_challenge},
    FileKind{Mark::kBytes, "ASSAYPRF", "proofs", read_proofs},
    FileKind{Mark::kBytes, "ASSAYLOG", "log of blocks", read_log},
    FileKind{Mark::kBytes, "ASSAYLHD", "head of a log of blocks", read_log_head},
    FileKind{Mark::kBytes, "ASSAYLPR", "proof from a log of blocks", read_log_proof},
    FileKind{Mark::kMetadata, "assay/capture/v", "capture", tensor::read_tensors},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::claim
