#include "pst/kinds.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "assay/pst.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::pst {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

constexpr std::string_view kKept = "assay/kept/v";
constexpr std::uint32_t kKeptVersion = 1;

Json fields_of(const VerifierKey& key) {
  return {{"scheme", "tensor"},
          {"axes", key.axes.sizes()},
          {"trust", key.label()},
          {"digest", to_hex(key.digest())},
          {"transcript", key.trust == Trust::kCeremony ? Json(to_hex(key.transcript)) : Json(nullptr)}};
}

Result<Json> read_verifier_key(const fs::path& path) { return fields_of(ASSAY_TRY(VerifierKey::read(path))); }

Result<Json> read_srs(const fs::path& path) {
  const Srs srs = ASSAY_TRY(Srs::open(path));
  Json fields = fields_of(srs.verifier_key());
  std::uint64_t points = 0;
  for (std::size_t i = srs.first_level(); i < srs.axes().count(); ++i) points += srs.level(i).size();
  fields["first_level"] = srs.first_level();
  fields["points"] = points;
  return fields;
}

/// The smallest axes that what is kept lies in: the file does not say those of its commitment.
Result<Axes> axes_around(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kKept, kKeptVersion));
  static_cast<void>(ASSAY_TRY(reader.raw(sizeof(Digest), "owner")));
  const std::uint32_t count = ASSAY_TRY(reader.u32("count"));
  std::vector<std::uint64_t> sizes = {1};
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t length = ASSAY_TRY(reader.u32("coordinates"));
    if (length > Axes::kMaxCount)
      return reader.error(ErrorCode::kOutOfRange, "coordinates", "more than there are axes");
    sizes.resize(std::max<std::size_t>(sizes.size(), length), 1);
    for (std::size_t axis = 0; axis < length; ++axis)
      sizes[axis] =
          std::max<std::uint64_t>(sizes[axis], std::uint64_t{ASSAY_TRY(reader.u32("coordinate"))} + 1);
    static_cast<void>(ASSAY_TRY(reader.raw(32, "quotient")));
  }
  return Axes::from(sizes, place);
}

Result<Json> read_kept(const fs::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, KeptQuotients::kMaxBytes, kKept, kKeptVersion));
  const Axes axes = ASSAY_TRY(axes_around(bytes, path.string()));
  Digest owner{};
  std::ranges::copy(ByteSpan(bytes).subspan(kKept.size() + 1, owner.size()), owner.begin());
  const KeptQuotients kept = ASSAY_TRY(KeptQuotients::decode(bytes, axes, owner, path.string()));
  return Json{{"quotients", kept.size()}, {"kept_for", to_hex(owner)}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "ASSAYSRS", "SRS", read_srs},
    FileKind{Mark::kBytes, "ASSAYLEV", "SRS without its first levels", read_srs},
    FileKind{Mark::kBytes, "ASSAYVK", "verifier key", read_verifier_key},
    FileKind{Mark::kBytes, "assay/kept/v", "kept quotients", read_kept},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::pst
