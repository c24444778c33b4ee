#include "tree/kinds.h"

#include <array>

#include "assay/tree.h"
#include "assay/tree_prover.h"
#include "base/try.h"

namespace assay::tree {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Json fields_of(const Root& root) {
  return {{"tree", to_string(root.config.kind)},
          {"arities", root.config.arities},
          {"leaf", to_string(root.config.leaf)},
          {"leaves", root.count},
          {"depth", root.depth()},
          {"srs_digest",
           root.config.kind == Kind::kMerkle ? Json(nullptr) : Json(to_hex(root.config.srs_digest))},
          {"root", to_hex(root.value)},
          {"digest", to_hex(root.digest())}};
}

Result<Json> read_root(const fs::path& path) { return fields_of(ASSAY_TRY(Root::read(path))); }

Result<Json> read_kept(const fs::path& path) {
  const Tree tree = ASSAY_TRY(Tree::open(path));
  ASSAY_TRY(tree.check());
  return fields_of(tree.root());
}

std::string_view name_of(Proof::Form form) {
  switch (form) {
    case Proof::Form::kMerkle:
      return "merkle";
    case Proof::Form::kVerkle:
      return "verkle";
    case Proof::Form::kAggregated:
      return "verkle, aggregated";
    case Proof::Form::kTerkle:
      break;
  }
  return "terkle";
}

Result<Json> read_proof(const fs::path& path) {
  const Proof proof = ASSAY_TRY(Proof::read(path));
  return Json{{"form", name_of(proof.form)},
              {"digest_of_the_tree", to_hex(proof.tree)},
              {"points_or_hashes", proof.body.size() / 32},
              {"verified", nullptr}};
}

constexpr std::array kTreeFileKinds = {
    FileKind{Mark::kBytes, "assay/tree/root/v", "public part of a tree", read_root},
    FileKind{Mark::kBytes, "assay/tree/kept/v", "tree", read_kept},
    FileKind{Mark::kBytes, "assay/tree/proof/v", "proof from a tree", read_proof},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kTreeFileKinds; }

}  // namespace assay::tree
