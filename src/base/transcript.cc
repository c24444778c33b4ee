#include "base/transcript.h"

#include <algorithm>
#include <array>

namespace assay {
namespace {

// No label is this long: they set a draw and a fork apart from a message.
constexpr std::uint64_t kDrawMark = UINT64_MAX;
constexpr std::uint64_t kForkMark = UINT64_MAX - 1;

}  // namespace

Transcript::Transcript(std::string_view type) {
  hash_.update("assay/transcript/v1").update_u64(type.size()).update(type);
}

Transcript Transcript::fork(std::string_view label) const {
  Transcript branch("");
  branch.hash_ = hash_;
  branch.hash_.update_u64(kForkMark).update_u64(label.size()).update(label);
  return branch;
}

void Transcript::absorb(std::string_view label, ByteSpan bytes) {
  hash_.update_u64(label.size()).update(label).update_u64(bytes.size()).update(bytes);
}

void Transcript::absorb_u64(std::string_view label, std::uint64_t value) {
  hash_.update_u64(label.size()).update(label).update_u64(8).update_u64(value);
}

void Transcript::draw(std::string_view label, std::span<std::uint8_t> out) {
  hash_.update_u64(kDrawMark).update_u64(label.size()).update(label).update_u64(out.size());
  std::span<std::uint8_t> rest = out;
  for (std::uint64_t counter = 0; !rest.empty(); ++counter) {
    const Digest block = Sha256(hash_).update_u64(counter).digest();
    const std::size_t taken = std::min(rest.size(), block.size());
    std::copy_n(block.begin(), taken, rest.begin());
    rest = rest.subspan(taken);
  }
  hash_.update(out);
}

}  // namespace assay
