// Sample mode: packets with single entries of matrix products, and the check of them against weights that the
// verifier has. docs/audit.md, "Sample mode".
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/tensor.h"
#include "assay/verdict.h"

namespace assay::audit {

// ---- Bytes

/// The call that made a product.
enum class ProductCall : std::uint8_t {
  kMatmul = 1,  ///< torch.matmul and @
  kLinear = 2,  ///< nn.Linear
};

/// "matmul", "linear".
[[nodiscard]] std::string_view to_string(ProductCall call);

/// What stands before the values of a packet. The product is C = A B, A of (m, k), B of (k, n), with a bias
/// of n values added to each row where there is one; of a batch of products it is one of them.
struct PacketHeader {
  static constexpr std::uint32_t kMaxRows = 65536;                           ///< sampled
  static constexpr std::uint32_t kMaxColumns = 65536;                        ///< sampled
  static constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 40;          ///< of m, k, n and batches
  static constexpr std::uint64_t kMaxPayload = std::uint64_t{64} << 20;      ///< bytes
  static constexpr std::uint64_t kMaxMultiplyAdds = std::uint64_t{1} << 31;  ///< to recompute the entries
  static constexpr std::size_t kPrefixBytes = 25;                            ///< tag, version, own length
  static constexpr std::size_t kMaxBytes = std::size_t{2} << 20;

  std::array<std::uint8_t, 16> session{};  ///< drawn by the sender, one for each run
  std::uint64_t sequence = 0;              ///< of the packet in its session, from 0
  std::uint64_t product = 0;               ///< of the session, from 0; several packets may be of one
  std::uint64_t dropped = 0;               ///< packets of the session that found no room before this one
  ProductCall call = ProductCall::kMatmul;
  tensor::Dtype dtype = tensor::Dtype::kF64;  ///< of the product: f64, f32, bf16 or f16
  bool transposed = false;                    ///< whether the weight is stored (n, k), as a Linear's is
  std::optional<Digest> weight;               ///< of B as it is stored; none: its columns are in the packet
  std::optional<Digest> bias;
  std::uint64_t batch = 0;  ///< which of `batches`
  std::uint64_t batches = 1;
  std::uint64_t m = 0;
  std::uint64_t k = 0;
  std::uint64_t n = 0;
  std::vector<std::uint64_t> rows;     ///< ascending
  std::vector<std::uint64_t> columns;  ///< ascending

  /// Of the rows of A, of the columns of B where they are in the packet, of the entries of C.
  [[nodiscard]] std::uint64_t a_bytes() const;
  [[nodiscard]] std::uint64_t b_bytes() const;
  [[nodiscard]] std::uint64_t c_bytes() const;
  [[nodiscard]] std::uint64_t payload_bytes() const { return a_bytes() + b_bytes() + c_bytes(); }

  /// The most rows that a packet of so many columns may have, by the caps above; 0: not even one.
  [[nodiscard]] static std::uint64_t most_rows(std::uint64_t k, std::uint64_t columns, tensor::Dtype dtype,
                                               bool with_columns);

  /// Whether there may be such a header. Errors: kOutOfRange (no rows, columns or values; an index; the
  /// batch), kNonCanonical (indices not ascending, a digest that means nothing), kTooLarge, kUnsupported
  /// (dtype).
  [[nodiscard]] Status check(std::string_view place) const;

  /// The header as bytes. It must have passed check().
  [[nodiscard]] Bytes encode() const;

  /// How long the header is whose first kPrefixBytes these are. Errors: kMalformed, kUnsupported (version),
  /// kTooLarge.
  [[nodiscard]] static Result<std::size_t> size_of(ByteSpan prefix, std::string_view place);

  /// Errors: those of size_of() and check(), kMalformed, kNonCanonical (flags).
  [[nodiscard]] static Result<PacketHeader> decode(ByteSpan bytes, std::string_view place);

  friend bool operator==(const PacketHeader&, const PacketHeader&) = default;
};

/// A header with the values that it announces: rows of A one behind the other, columns of B, entries of C row
/// by row.
struct Packet {
  PacketHeader header;
  Bytes payload;

  [[nodiscard]] ByteSpan a() const { return ByteSpan(payload).first(header.a_bytes()); }
  [[nodiscard]] ByteSpan b() const { return ByteSpan(payload).subspan(header.a_bytes(), header.b_bytes()); }
  [[nodiscard]] ByteSpan c() const { return ByteSpan(payload).last(header.c_bytes()); }
};

/// The header of the notebook: three numbers, and nothing by which the values could be checked. Rows of A and
/// entries of C follow as float64.
struct BareHeader {
  static constexpr std::size_t kBytes = 12;

  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t k = 0;

  [[nodiscard]] std::uint64_t payload_bytes() const;
  /// Errors: kMalformed (not so many bytes), kTooLarge (payload).
  [[nodiscard]] static Result<BareHeader> decode(ByteSpan bytes, std::string_view place);
};

/// Takes packets from a stream of bytes, whatever the pieces in which they come.
class PacketReader {
 public:
  explicit PacketReader(std::string place) : place_(std::move(place)) { next(); }

  /// Where the next bytes go: never more than the packet needs, and empty when it is whole.
  [[nodiscard]] std::span<std::uint8_t> space();
  /// So many of them have come. Errors: those of the headers; nothing more is to be read then.
  [[nodiscard]] Status filled(std::size_t count);

  [[nodiscard]] bool begun() const { return stage_ != Stage::kStart || count_ > 0; }
  /// Whether the values come next, or have come: one of the two headers is there.
  [[nodiscard]] bool has_header() const { return bare_.has_value() || packet_.has_value(); }
  [[nodiscard]] bool whole() const { return stage_ == Stage::kWhole; }
  [[nodiscard]] const std::optional<BareHeader>& bare() const { return bare_; }
  [[nodiscard]] const std::optional<Packet>& packet() const { return packet_; }
  /// Of the values that have come so far.
  [[nodiscard]] std::uint64_t payload_bytes() const;

  /// Begins with the next packet.
  void next();

 private:
  enum class Stage : std::uint8_t { kStart, kPrefix, kHeader, kPayload, kWhole };
  Status advance();
  void expect(Stage stage, std::uint64_t bytes);
  [[nodiscard]] Bytes& buffer();

  std::string place_;
  Stage stage_ = Stage::kStart;
  Bytes head_;               // of the header
  Bytes bare_payload_;       // read, and looked at by nobody
  std::uint64_t count_ = 0;  // bytes that have come, of the header or of the payload
  std::uint64_t wanted_ = 0;
  std::optional<BareHeader> bare_;
  std::optional<Packet> packet_;
};

// ---- Check

/// SHA-256("assay/audit/weight/v1" || dtype as safetensors says it || axes || sizes || bytes): by what a
/// packet names a weight or a bias.
[[nodiscard]] Digest weight_digest(std::string_view dtype, std::span<const std::uint64_t> shape,
                                   ByteSpan bytes);

/// The weights and biases that a verifier has, found by their digests.
class KnownWeights {
 public:
  /// All tensors of one or two axes, of f64, f32, bf16 or f16, of files (safetensors, .npy, .pt) and of
  /// folders of models. Errors: those of tensor::open and weights::Folder::open.
  [[nodiscard]] static Result<KnownWeights> open(std::span<const std::filesystem::path> paths);

  void add(tensor::TensorView tensor);
  /// nullptr when there is none.
  [[nodiscard]] const tensor::TensorView* find(const Digest& digest) const;
  [[nodiscard]] std::size_t size() const { return tensors_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::map<Digest, tensor::TensorView> tensors_;
  std::uint64_t bytes_ = 0;
};

/// How much an entry may differ from its recomputation in double.
enum class RoundingBound : std::uint8_t {
  /// What independent rounding errors of K additions, in any order, exceed less often than once in 10^17
  /// entries (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019, Theorem 3.1 with lambda = 10).
  kProbabilistic,
  /// What no order of additions exceeds, whatever the errors: K unit roundoffs.
  kWorstCase,
};

/// Whether the entries of a packet are those of the product. Figures: "entries", "largest difference",
/// "largest share of the bound". Not accepted at the steps "weight" (not among those known: inconclusive),
/// "shape" (the weight or bias has another), "product" (an entry differs by more than rounding; the item says
/// which, row by row).
[[nodiscard]] Verdict check_packet(const Packet& packet, const KnownWeights& known,
                                   RoundingBound bound = RoundingBound::kProbabilistic);

/// What a listener has seen, and its verdict on all of it.
class SampleLedger {
 public:
  static constexpr std::size_t kMaxSessions = 65536;
  static constexpr std::size_t kMaxGaps = 65536;  ///< of the numbers of a session's packets

  explicit SampleLedger(KnownWeights known, RoundingBound bound = RoundingBound::kProbabilistic)
      : known_(std::move(known)), bound_(bound) {}

  /// The verdict on one packet. Steps: "sequence" (this session had a packet of this number), "memory" (more
  /// sessions or gaps than are followed: inconclusive), and those of check_packet().
  [[nodiscard]] Verdict take(const Packet& packet);
  /// On one with the bare header. Step: "bare header" (inconclusive).
  [[nodiscard]] Verdict take(const BareHeader& bare);
  /// Bytes came that are no packet, or the sender went away within one.
  void refuse() { ++refused_; }

  /// On all that came. Steps: those of take(), of the first packet that was rejected; "packets" (none came,
  /// or some were not whole: inconclusive), "weight" (some, or all, could not be held against a weight that
  /// is known: inconclusive).
  [[nodiscard]] Verdict summary() const;

  [[nodiscard]] const KnownWeights& known() const { return known_; }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  /// Which numbers came, as ranges [first, last], and how many packets the sender says it dropped.
  struct Session {
    std::map<std::uint64_t, std::uint64_t> ranges;
    std::uint64_t dropped = 0;
  };
  [[nodiscard]] Verdict follow(const PacketHeader& header);
  Verdict count(Verdict verdict);

  KnownWeights known_;
  RoundingBound bound_;
  std::map<std::array<std::uint8_t, 16>, Session> sessions_;
  std::uint64_t packets_ = 0, refused_ = 0, bare_ = 0, unknown_ = 0, rejected_ = 0;
  std::uint64_t recomputed_ = 0, carried_ = 0;  // entries
  double largest_share_ = 0;
  std::optional<Verdict> first_rejected_;
};

}  // namespace assay::audit
