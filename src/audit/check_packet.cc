#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/audit_packet.h"
#include "audit/entry_check.h"
#include "audit/number.h"
#include "base/check.h"
#include "tensor/float_bits.h"
#include "tensor/load.h"

namespace assay::audit {
namespace {

using internal::Exact;
using internal::Rounding;
using tensor::Dtype;

double load_value(Dtype dtype, const std::uint8_t* at) {
  switch (dtype) {
    case Dtype::kF64:
      return tensor::load<double>(at);
    case Dtype::kF32:
      return tensor::load<float>(at);
    case Dtype::kBF16:
      return tensor::from_bf16(tensor::load<std::uint16_t>(at));
    default:
      ASSAY_CHECK_EQ(dtype, Dtype::kF16);
      return tensor::from_f16(tensor::load<std::uint16_t>(at));
  }
}

/// A value of one dtype as an operand of a product of another: autocast rounds weights first. Torch comes
/// from a double to 16 bits by way of a float.
double as_operand(double value, Dtype product) {
  if (product == Dtype::kF64) return value;
  const double single = static_cast<float>(value);
  if (product == Dtype::kF32) return single;
  return internal::round_to(single,
                            internal::format_of(product == Dtype::kBF16 ? RowDtype::kBF16 : RowDtype::kF16));
}

/// Values of a tensor as operands of a product.
class Operands {
 public:
  Operands(Dtype stored, ByteSpan bytes, Dtype product)
      : stored_(stored), size_(size_of(stored)), bytes_(bytes), product_(product) {}

  [[nodiscard]] double operator[](std::uint64_t index) const {
    return as_operand(load_value(stored_, bytes_.data() + index * size_), product_);
  }
  /// out[i] = the value at first + i * step.
  void read(std::uint64_t first, std::uint64_t step, std::span<double> out) const {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (*this)[first + i * step];
  }

 private:
  Dtype stored_;
  std::size_t size_;
  ByteSpan bytes_;
  Dtype product_;
};

/// Where the verifier finds B and the bias.
struct Known {
  const tensor::TensorView* weight = nullptr;  // none: the columns are in the packet
  const tensor::TensorView* bias = nullptr;
};

std::string shape_text(const tensor::Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

/// The column number c of those sampled.
void read_column(const Packet& packet, const Known& known, std::size_t c, std::span<double> out) {
  const PacketHeader& header = packet.header;
  if (known.weight == nullptr) {
    Operands(header.dtype, packet.b(), header.dtype).read(c * header.k, 1, out);
    return;
  }
  const Operands weight(known.weight->dtype, known.weight->bytes, header.dtype);
  const std::uint64_t column = header.columns[c];
  if (header.transposed)
    weight.read(column * header.k, 1, out);
  else
    weight.read(column, header.n, out);
}

/// What was found of all entries.
struct Differences {
  std::uint64_t entries = 0;  // that were held against a bound
  double difference = 0;      // the largest
  double share = 0;           // of its bound, the largest
  std::uint64_t worst = 0;    // the entry of that, row by row
  std::string about_worst;
};

Differences compare(const Packet& packet, const Known& known, RoundingBound kind) {
  const PacketHeader& header = packet.header;
  const Rounding rounding = Rounding::of(header.dtype);
  const Operands a(header.dtype, packet.a(), header.dtype);
  const Operands c(header.dtype, packet.c(), header.dtype);
  std::vector<double> rows(header.rows.size() * header.k);
  a.read(0, 1, rows);
  std::vector<double> column(header.k);
  Differences found;
  for (std::size_t j = 0; j < header.columns.size(); ++j) {
    read_column(packet, known, j, column);
    const double bias = known.bias == nullptr
                            ? 0
                            : Operands(known.bias->dtype, known.bias->bytes, header.dtype)[header.columns[j]];
    for (std::size_t i = 0; i < header.rows.size(); ++i) {
      const Exact exact =
          internal::exact_entry(std::span(rows).subspan(i * header.k, header.k), column, bias);
      const double bound = internal::bound_of(exact, header.k, known.bias != nullptr, rounding, kind);
      const std::uint64_t entry = i * header.columns.size() + j;
      const double value = c[entry];
      const std::optional<double> share = internal::share_of_bound(value, exact, bound, rounding);
      if (!share) continue;
      ++found.entries;
      if (std::isfinite(value) && std::isfinite(exact.value))
        found.difference = std::max(found.difference, std::fabs(value - exact.value));
      if (*share <= found.share) continue;
      found.share = *share;
      found.worst = entry;
      if (*share > 1)
        found.about_worst =
            fmt::format("row {}, column {} is {:.9g}, its recomputation {:.9g}; rounding allows {:.3g}",
                        header.rows[i], header.columns[j], value, exact.value, bound);
    }
  }
  return found;
}

/// The weight and the bias, or why the packet is not accepted.
std::optional<Verdict> find(const PacketHeader& header, const KnownWeights& all, Known& known) {
  if (!header.weight) return std::nullopt;
  known.weight = all.find(*header.weight);
  if (known.weight == nullptr)
    return Verdict::inconclusive(
        "weight",
        fmt::format("not checkable: no tensor of --weights has the digest {}, shape {}",
                    to_hex(*header.weight),
                    header.transposed ? shape_text({header.n, header.k}) : shape_text({header.k, header.n})));
  const tensor::Shape shape =
      header.transposed ? tensor::Shape{header.n, header.k} : tensor::Shape{header.k, header.n};
  if (known.weight->shape != shape)
    return Verdict::rejected("shape", fmt::format("the packet says {} of {}, which has {}", shape_text(shape),
                                                  known.weight->name, shape_text(known.weight->shape)));
  if (!header.bias) return std::nullopt;
  known.bias = all.find(*header.bias);
  if (known.bias == nullptr)
    return Verdict::inconclusive(
        "weight", fmt::format("not checkable: no tensor of --weights has the digest {} of the bias",
                              to_hex(*header.bias)));
  if (known.bias->shape != tensor::Shape{header.n})
    return Verdict::rejected("shape", fmt::format("a bias of {} values for {} columns: {} has {}", header.n,
                                                  header.n, known.bias->name, shape_text(known.bias->shape)));
  return std::nullopt;
}

}  // namespace

Verdict check_packet(const Packet& packet, const KnownWeights& all, RoundingBound bound) {
  ASSAY_CHECK_EQ(packet.payload.size(), packet.header.payload_bytes());
  Known known;
  if (std::optional<Verdict> no = find(packet.header, all, known)) return *std::move(no);
  const Differences found = compare(packet, known, bound);
  Verdict verdict = found.share > 1 ? Verdict::rejected("product", found.about_worst).at_item(found.worst)
                                    : Verdict::accepted();
  if (verdict.ok()) {
    if (known.weight != nullptr) verdict.add_check("weight", Grade::kBound);
    verdict.add_check("product", known.weight != nullptr ? Grade::kRecomputed : Grade::kSelfReported);
  }
  verdict.add_figure("entries", found.entries);
  verdict.add_figure("largest difference", found.difference);
  verdict.add_figure({"largest share of the bound", found.share, Bound{Bound::Kind::kAtMost, 1}});
  if (known.weight != nullptr) verdict.add_figure("weight", known.weight->name);
  const std::uint64_t all_entries = packet.header.rows.size() * packet.header.columns.size();
  if (found.entries < all_entries)
    verdict.add_note(
        fmt::format("{} entries say nothing: their sums may overflow", all_entries - found.entries));
  return verdict;
}

}  // namespace assay::audit
