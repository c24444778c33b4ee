#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "assay/tree.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::tree {
namespace {

constexpr std::string_view kProofTag = "assay/tree/proof/v";
constexpr std::uint32_t kProofVersion = 1;

}  // namespace

Bytes Proof::encode() const {
  WireWriter writer;
  writer.begin(kProofTag, kProofVersion).u8(static_cast<std::uint8_t>(form)).raw(tree).raw(body);
  return writer.take();
}

Result<Proof> Proof::decode(ByteSpan bytes, std::string_view place) {
  if (bytes.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, {} at most", bytes.size(), kMaxBytes)};
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kProofTag, kProofVersion));
  Proof out;
  const std::uint8_t form = ASSAY_TRY(reader.u8("form"));
  if (form < static_cast<std::uint8_t>(Form::kMerkle) || form > static_cast<std::uint8_t>(Form::kTerkle))
    return reader.error(ErrorCode::kMalformed, "form", fmt::format("{} is no form of proof", form));
  out.form = static_cast<Form>(form);
  const ByteSpan tree = ASSAY_TRY(reader.raw(out.tree.size(), "tree"));
  std::ranges::copy(tree, out.tree.begin());
  if (reader.remaining() % 32 != 0)
    return reader.error(ErrorCode::kMalformed, "body",
                        fmt::format("{} bytes are no multiple of 32", reader.remaining()));
  const ByteSpan body = ASSAY_TRY(reader.raw(reader.remaining(), "body"));
  out.body.assign(body.begin(), body.end());
  return out;
}

Result<Proof> Proof::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kProofTag, kProofVersion)), path.string());
}

Status Proof::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::tree
