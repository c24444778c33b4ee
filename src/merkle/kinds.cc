#include "merkle/kinds.h"

#include <array>

#include "assay/merkle.h"
#include "base/file.h"
#include "base/try.h"

namespace assay::merkle {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

template <class Proof>
Result<Json> read_proof(const fs::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  const Proof proof = ASSAY_TRY(Proof::from_bytes(bytes, path.string()));
  return Json{{"hashes", proof.hashes.size()}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "assay/merkle/inclusion/v", "proof of inclusion", read_proof<InclusionProof>},
    FileKind{Mark::kBytes, "assay/merkle/multi/v", "proof of inclusion of several leaves",
             read_proof<MultiProof>},
    FileKind{Mark::kBytes, "assay/merkle/consistency/v", "proof of consistency",
             read_proof<ConsistencyProof>},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::merkle
