#include "tree/value_bytes.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "base/threads.h"
#include "tree/leaves.h"

namespace assay::tree::internal {

// Numbers lie in memory as they do in records.
static_assert(std::endian::native == std::endian::little);

ValueBytes::ValueBytes(const Config& config, const Digests& digests, const Leaves& leaves) {
  leaves.visit([&](const auto& values) {
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(values[0])>, ByteSpan>) {
      bytes_ = {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
    } else if (config.kind == Kind::kMerkle) {
      const std::vector<Digest> hashes = leaf_hashes(leaves);
      made_.resize(hashes.size() * sizeof(Digest));
      for (std::size_t i = 0; i < hashes.size(); ++i)
        std::ranges::copy(hashes[i], made_.begin() + static_cast<std::ptrdiff_t>(i * sizeof(Digest)));
      bytes_ = made_;
    } else {
      made_.resize(values.size() * 32);
      parallel_for(0, values.size(), 256, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i)
          std::ranges::copy(digests.of(0, values[i]).to_scalar().to_bytes(),
                            made_.begin() + static_cast<std::ptrdiff_t>(i * 32));
      });
      bytes_ = made_;
    }
  });
}

}  // namespace assay::tree::internal
