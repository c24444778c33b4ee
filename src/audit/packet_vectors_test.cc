// The files of vectors/audit_packets, which another program made from docs/audit.md.
#include <fmt/format.h>

#include "assay/audit_packet.h"
#include "tensor/test_support.h"

namespace assay::audit {
namespace {

std::filesystem::path path_of(const std::string& name) {
  return std::filesystem::path(ASSAY_VECTORS) / "audit_packets" / name;
}

TEST(PacketVectors, AreReadWrittenAndAccepted) {
  for (const std::string dtype : {"f64", "f32", "bf16", "f16"}) {
    const std::vector<std::filesystem::path> weights{path_of(dtype + ".safetensors")};
    SampleLedger ledger(KnownWeights::open(weights).value());
    EXPECT_EQ(ledger.known().size(), 3);
    const Bytes stream = read_file(path_of(dtype + ".packets"), 1 << 16).value();
    PacketReader reader("vectors");
    std::size_t at = 0, packets = 0;
    while (at < stream.size()) {
      const std::size_t start = at;
      while (!reader.whole()) {
        const std::span<std::uint8_t> space = reader.space();
        ASSERT_LE(space.size(), stream.size() - at);
        std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), space.size(), space.begin());
        at += space.size();
        ASSERT_TRUE(reader.filled(space.size()).ok());
      }
      const Packet& packet = *reader.packet();
      const Bytes head = packet.header.encode();
      EXPECT_TRUE(std::equal(head.begin(), head.end(), stream.begin() + static_cast<std::ptrdiff_t>(start)));
      const Verdict verdict = ledger.take(packet);
      EXPECT_TRUE(verdict.ok()) << dtype << " " << verdict.reason();
      // Small integers: no rounding at all.
      EXPECT_EQ(std::get<double>(verdict.figure("largest difference")->value), 0);
      ++packets;
      reader.next();
    }
    EXPECT_EQ(packets, 3);
    EXPECT_TRUE(ledger.summary().ok());
  }
}

}  // namespace
}  // namespace assay::audit
