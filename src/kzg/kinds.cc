#include "kzg/kinds.h"

#include <array>

#include "assay/kzg.h"
#include "base/file.h"
#include "base/try.h"
#include "kzg/ptau_file.h"

namespace assay::kzg {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Json fields_of(const VerifierKey& key) {
  return {
      {"scheme", "kzg"}, {"values", key.size()}, {"trust", key.label()}, {"digest", to_hex(key.digest())}};
}

Result<Json> read_verifier_key(const fs::path& path) { return fields_of(ASSAY_TRY(VerifierKey::read(path))); }

Result<Json> read_srs(const fs::path& path) {
  const Srs srs = ASSAY_TRY(Srs::open(path));
  Json fields = fields_of(srs.verifier_key());
  fields["points"] = srs.basis().size();
  return fields;
}

Result<Json> read_ptau(const fs::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const internal::PtauFile ptau = ASSAY_TRY(internal::parse_ptau(file.bytes(), path.string()));
  return Json{{"power", ptau.power},
              {"values", std::uint64_t{1} << ptau.power},
              {"has_lagrange_basis", ptau.lagrange.has_value()}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "ASSAYKZG", "SRS of public powers", read_srs},
    FileKind{Mark::kBytes, "ASSAYKVK", "verifier key of public powers", read_verifier_key},
    FileKind{Mark::kBytes, "ptau", "powers of tau", read_ptau},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::kzg
