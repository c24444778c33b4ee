// Packets from any bytes, in pieces of any size: refused, or a header that is written as the same bytes, with
// values that are checked without a crash. What is accepted against known weights is what they give. Input: a
// byte that says how the stream is cut, then the stream.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "assay/audit_packet.h"
#include "base/check.h"

namespace {

using namespace assay;
using namespace assay::audit;

/// 2 x 3 and 3 values of each dtype: small integers, which every dtype has.
const KnownWeights& known() {
  static const Bytes f64 = [] {
    Bytes bytes;
    for (const double value : {1.0, -2.0, 3.0, 0.5, 4.0, -1.0}) {
      std::array<std::uint8_t, sizeof(value)> raw{};
      std::memcpy(raw.data(), &value, sizeof(value));
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    }
    return bytes;
  }();
  static const Bytes bf16 = {0x80, 0x3f, 0x00, 0xc0, 0x40, 0x40, 0x00, 0x3f, 0x80, 0x40, 0x80, 0xbf};
  static const KnownWeights made = [] {
    KnownWeights weights;
    weights.add({"f64", tensor::Dtype::kF64, {2, 3}, f64, nullptr});
    weights.add({"f64 transposed", tensor::Dtype::kF64, {3, 2}, f64, nullptr});
    weights.add({"bf16", tensor::Dtype::kBF16, {3, 2}, bf16, nullptr});
    weights.add({"bias", tensor::Dtype::kF64, {3}, ByteSpan(f64).first(24), nullptr});
    return weights;
  }();
  return made;
}

void judge(const Packet& packet, SampleLedger& ledger) {
  const Bytes head = packet.header.encode();
  const Result<PacketHeader> again = PacketHeader::decode(head, "fuzz");
  ASSAY_CHECK(again.ok() && *again == packet.header, to_hex(head));
  ASSAY_CHECK_EQ(packet.payload.size(), packet.header.payload_bytes());
  // The time of a check is that of the sums: long ones are left to the tests.
  if (packet.header.rows.size() * packet.header.columns.size() > (std::size_t{1} << 20) / packet.header.k)
    return;
  const Verdict verdict = ledger.take(packet);
  const Verdict strict = check_packet(packet, ledger.known(), RoundingBound::kProbabilistic);
  const Verdict loose = check_packet(packet, ledger.known(), RoundingBound::kWorstCase);
  // What the narrower bound takes, the wider one takes.
  ASSAY_CHECK(!strict.ok() || loose.ok(), strict.reason(), loose.reason());
  ASSAY_CHECK(verdict.step() == "sequence" || verdict.ok() == strict.ok(), verdict.reason());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? SIZE_MAX : data[0];
  ByteSpan stream(data + 1, size - 1);
  SampleLedger ledger(known());
  PacketReader reader("fuzz");
  while (!stream.empty()) {
    const std::span<std::uint8_t> space = reader.space();
    ASSAY_CHECK(!space.empty(), reader.whole());
    const std::size_t count = std::min({piece, space.size(), stream.size()});
    std::copy_n(stream.begin(), count, space.begin());
    stream = stream.subspan(count);
    if (const Status filled = reader.filled(count); !filled.ok()) {
      ASSAY_CHECK(filled.error().place.starts_with("fuzz"), filled.error().place);
      ledger.refuse();
      break;
    }
    if (!reader.whole()) continue;
    if (reader.packet()) {
      judge(*reader.packet(), ledger);
    } else {
      const Verdict bare = ledger.take(*reader.bare());
      ASSAY_CHECK_EQ(bare.step(), "bare header");
    }
    reader.next();
  }
  const Verdict verdict = ledger.summary();
  ASSAY_CHECK(!verdict.ok() || ledger.packets() > 0, ledger.packets());
  return 0;
}
