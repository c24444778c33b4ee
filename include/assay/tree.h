// Merkle, Verkle and Terkle trees behind one interface: the public part of a tree, proofs, and their check.
//
// What a proof must look like follows from the public part and the indices; a verifier brings both, the
// values and its own key, and takes only points or hashes from the proof. docs/tree.md gives every byte.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "assay/base.h"
#include "assay/integers.h"
#include "assay/kzg.h"
#include "assay/merkle.h"
#include "assay/pst.h"
#include "assay/setup.h"
#include "assay/world.h"

namespace assay::tree {

enum class Kind : std::uint8_t {
  kMerkle = 1,  ///< SHA-256: the trees of assay/merkle.h
  kVerkle = 2,  ///< each node a vector of its children's digests under kzg
  kTerkle = 3,  ///< each node a tensor of its children's digests under pst
};

/// "merkle", "verkle" or "terkle".
[[nodiscard]] std::string_view to_string(Kind kind);
/// Errors: kMalformed.
[[nodiscard]] Result<Kind> parse_kind(std::string_view text, std::string_view place);

/// What leaves are. They are not mixed: a tree's public part says which kind it has.
enum class LeafKind : std::uint8_t {
  kU64 = 1,    ///< 0 to 2^64 - 1
  kI64 = 2,    ///< -2^63 to 2^63 - 1
  kField = 3,  ///< 0 to r - 1
  kBytes = 4,  ///< byte strings of any length
};

/// "u64", "i64", "field" or "bytes".
[[nodiscard]] std::string_view to_string(LeafKind kind);
/// Errors: kMalformed.
[[nodiscard]] Result<LeafKind> parse_leaf_kind(std::string_view text, std::string_view place);

inline constexpr std::uint32_t kMinArity = 2;
/// Children of a node, at most.
inline constexpr std::uint64_t kMaxFanOut = std::uint64_t{1} << 16;
/// Axes of a Terkle node, at most: each has two children or more.
inline constexpr std::size_t kMaxAxes = 16;
inline constexpr std::uint64_t kMaxLeaves = std::uint64_t{1} << 40;

/// How a tree is made.
struct Config {
  Kind kind = Kind::kMerkle;
  LeafKind leaf = LeafKind::kU64;
  /// The axes of a Terkle node; of the other kinds one number. A Verkle node has a power of two.
  std::vector<std::uint32_t> arities;
  Digest srs_digest{};  ///< of the parameters that commitments are made with; zeros of Merkle

  /// Product of the arities.
  [[nodiscard]] std::uint64_t fan_out() const;
  /// Errors: kOutOfRange (arities), kNonCanonical (an SRS digest of a Merkle tree).
  [[nodiscard]] Status check(std::string_view place) const;
  friend bool operator==(const Config&, const Config&) = default;
};

/// The public part of a tree, under 200 bytes: all that a verifier needs of it. A bare root value says
/// neither which tree it is of nor how many leaves that has.
struct Root {
  Config config;
  std::uint64_t count = 0;               ///< leaves, at most kMaxLeaves
  std::array<std::uint8_t, 32> value{};  ///< a compressed point, or a hash

  /// Levels of nodes above the leaves: the least D >= 1 with fan_out^D >= count.
  [[nodiscard]] unsigned depth() const;

  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kUnsupported (version).
  static Result<Root> decode(ByteSpan bytes, std::string_view place);
  /// Errors: kIo, kTooLarge, those of decode().
  static Result<Root> read(const std::filesystem::path& path);
  /// The file is complete under `path` or not there. Errors: kIo.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// SHA-256("assay/tree/public/v1" || encode()): what is signed and compared.
  [[nodiscard]] Digest digest() const;
  friend bool operator==(const Root&, const Root&) = default;
};

/// Leaves as they lie in memory; nothing is copied.
class Leaves {
 public:
  // Implicit: whatever holds leaves is a view of them. NOLINTBEGIN(google-explicit-constructor)
  Leaves(std::span<const std::uint64_t> leaves) : leaves_(leaves) {}
  Leaves(std::span<const std::int64_t> leaves) : leaves_(leaves) {}
  Leaves(std::span<const Scalar> leaves) : leaves_(leaves) {}
  Leaves(std::span<const ByteSpan> leaves) : leaves_(leaves) {}
  template <class T>
  Leaves(const std::vector<T>& leaves) : Leaves(std::span<const T>(leaves)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] LeafKind kind() const { return static_cast<LeafKind>(leaves_.index() + 1); }
  [[nodiscard]] std::size_t size() const {
    return std::visit([](const auto& leaves) { return leaves.size(); }, leaves_);
  }
  /// `count` leaves from `first` on; both lie within.
  [[nodiscard]] Leaves subview(std::size_t first, std::size_t count) const;
  template <class F>
  auto visit(F&& f) const {
    return std::visit(std::forward<F>(f), leaves_);
  }

 private:
  std::variant<std::span<const std::uint64_t>, std::span<const std::int64_t>, std::span<const Scalar>,
               std::span<const ByteSpan>>
      leaves_;
};

/// The verifier's own parameters: none for Merkle, the key of an SRS for the other kinds. Copies share what
/// was prepared.
class Key {
 public:
  static Key merkle() { return {}; }
  static Key of(kzg::VerifierKey key);
  static Key of(pst::VerifierKey key);
  /// The verifier's part of an SRS of either scheme, out of its own file or out of an SRS file. Errors: those
  /// of the schemes' VerifierKey::read.
  static Result<Key> read(const std::filesystem::path& path);

  /// Of the SRS; zeros of Merkle.
  [[nodiscard]] const Digest& digest() const { return digest_; }
  /// What a check under this key rests on.
  [[nodiscard]] std::string assumption(const setup::TrustList* trusted) const;

  [[nodiscard]] const kzg::Verifier* kzg() const { return kzg_.get(); }
  [[nodiscard]] const pst::Verifier* pst() const { return pst_.get(); }

 private:
  Digest digest_{};
  std::shared_ptr<const kzg::Verifier> kzg_;
  std::shared_ptr<const pst::Verifier> pst_;
};

/// What a prover sends for an index or a set of them: the points or hashes that the verifier cannot derive,
/// in an order that follows from the public part and the indices, and no word about their number.
struct Proof {
  enum class Form : std::uint8_t {
    kMerkle = 1,
    kVerkle = 2,      ///< a quotient for each node on the way
    kAggregated = 3,  ///< Verkle: 64 bytes for all openings together
    kTerkle = 4,
  };
  /// A proof has no more bytes.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 31;

  Form form = Form::kMerkle;
  Digest tree{};  ///< the digest of the public part
  Bytes body;     ///< 32 bytes for each point or hash

  /// "assay/tree/proof/v1" || form || tree || body.
  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed (tag, form, a body that is no multiple of 32 bytes), kUnsupported (version),
  /// kTooLarge.
  static Result<Proof> decode(ByteSpan bytes, std::string_view place);
  static Result<Proof> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  friend bool operator==(const Proof&, const Proof&) = default;
};

/// What a verifier brings besides the key.
struct VerifyOptions {
  const setup::TrustList* trusted = nullptr;  ///< none: no SRS is trusted
  /// The digest that the public part must have: one that was signed, or kept from an earlier time.
  std::optional<Digest> root_digest = std::nullopt;
  const World* world = &World::system();
};

/// Whether leaves[i] stands at indices[i] of the tree, for all i; the indices ascend. Steps: "root digest",
/// "index" (none, not ascending, or at or above the count: refused before anything is computed), "values" (of
/// another kind or number, or not below r), "setup" (the key is not that of the tree's SRS), "tree" (the
/// proof is of another tree), "proof form", "proof length", "proof points", "random weights" (inconclusive),
/// "challenges", "opening equation", "root". The assumptions say what the key rests on.
[[nodiscard]] Verdict verify(const Root& root, std::span<const std::uint64_t> indices, const Leaves& leaves,
                             const Proof& proof, const Key& key, const VerifyOptions& options = {});

}  // namespace assay::tree
