// The fixed secrets of the original pipeline.
#include <algorithm>
#include <array>
#include <bit>

#include "assay/pst_original.h"
#include "pst/srs_file.h"

namespace assay::pst {
namespace {

/// The key stream of ChaCha with 12 rounds (Bernstein, "ChaCha, a variant of Salsa20", 2008), nonce zero,
/// under the key of test_rng in arkworks' ark-std, read as little-endian numbers.
class TestStream {
 public:
  std::uint64_t next() {
    if (used_ == block_.size()) refill();
    const std::uint64_t low = block_[used_];
    const std::uint64_t high = block_[used_ + 1];
    used_ += 2;
    return low | high << 32;
  }

 private:
  using Block = std::array<std::uint32_t, 16>;

  static void quarter_round(Block& x, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 7);
  }

  void refill() {
    // The constants "expand 32-byte k", the key, a counter of 64 bits, the nonce.
    Block start{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 1, 23, 456, 7890};
    start[12] = counter_++;
    block_ = start;
    for (int double_round = 0; double_round < 6; ++double_round) {
      for (std::size_t column = 0; column < 4; ++column)
        quarter_round(block_, column, column + 4, column + 8, column + 12);
      for (std::size_t i = 0; i < 4; ++i)
        quarter_round(block_, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (std::size_t i = 0; i < block_.size(); ++i) block_[i] += start[i];
    used_ = 0;
  }

  std::uint32_t counter_ = 0;
  Block block_{};
  std::size_t used_ = block_.size();
};

bool is_below_order(const std::array<std::uint64_t, 4>& words) {
  return std::ranges::lexicographical_compare(words.rbegin(), words.rend(), kScalarModulus.rbegin(),
                                              kScalarModulus.rend());
}

/// [t_i]_2 of all secrets that there can be.
const std::vector<G2Affine>& original_points() {
  static const std::vector<G2Affine> points = [] {
    std::vector<G2Affine> made;
    for (const Fr& secret : original_secrets(Axes::kMaxCount))
      made.push_back(curve::multiply_vartime(G2Affine::generator(), secret));
    return made;
  }();
  return points;
}

}  // namespace

std::vector<Fr> original_secrets(std::size_t count) {
  TestStream stream;
  std::vector<Fr> secrets;
  while (secrets.size() < count) {
    // arkworks draws the Montgomery form, which is the form of Fr too: 254 bits, again where r is reached.
    std::array<std::uint64_t, 4> words{};
    for (std::uint64_t& word : words) word = stream.next();
    words[3] &= ~std::uint64_t{0} >> 2;
    if (is_below_order(words)) secrets.push_back(Fr{words});
  }
  return secrets;
}

Result<Srs> original_srs(const Axes& axes) { return Srs::from_secrets(axes, original_secrets(axes.count())); }

Status write_original_srs(const Axes& axes, const std::filesystem::path& path) {
  return internal::write_srs(axes, original_secrets(axes.count()), path);
}

bool has_original_secret(const VerifierKey& key) {
  // Asked of every key: one multiplication, and that once.
  static const G2Affine first = curve::multiply_vartime(G2Affine::generator(), original_secrets(1)[0]);
  return key.secrets[0] == first;
}

Verdict check_under_original_setup(const Axes& axes, const Statement& statement) {
  const std::vector<G2Affine>& known = original_points();
  const auto count = static_cast<std::ptrdiff_t>(axes.count());
  // An opening of all axes takes no level of an SRS, and there is no file whose levels these would be.
  const std::vector<Digest> no_levels(axes.count());
  return Verifier({axes, Trust::kDev, {known.begin(), known.begin() + count}, no_levels}).check(statement);
}

}  // namespace assay::pst
