// Ceremonies: transcripts, powers, contributions.
#include "assay/setup.h"

#include <optional>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

using Contributed = std::pair<Verdict, std::optional<setup::Ceremony>>;

Contributed to_pair(setup::Contributed made) { return {std::move(made.before), std::move(made.ceremony)}; }

/// Name, digest after it, and of a beacon its value and the logarithm of its iterations.
using ContributionRow =
    std::tuple<std::string, nb::bytes, std::optional<std::pair<nb::bytes, std::uint32_t>>>;

std::vector<ContributionRow> rows_of(const setup::Ceremony& ceremony) {
  const std::vector<Digest> digests = ceremony.digests();
  std::vector<ContributionRow> rows;
  for (std::size_t k = 0; k < ceremony.contributions.size(); ++k) {
    const setup::Contribution& each = ceremony.contributions[k];
    std::optional<std::pair<nb::bytes, std::uint32_t>> beacon;
    if (each.beacon) beacon.emplace(to_python(each.beacon->value), each.beacon->log2_iterations);
    rows.emplace_back(each.name, to_python(digests[k + 1]), std::move(beacon));
  }
  return rows;
}

}  // namespace

void bind_setup(nb::module_& m) {
  nb::class_<setup::Ceremony> ceremony(m, "Ceremony");
  bind_file<ByteSpan>(ceremony);
  bind_equality(ceremony);
  ceremony.def_prop_ro("axes", [](const setup::Ceremony& c) { return to_tuple(c.axes.sizes()); })
      .def_prop_ro("digest", [](const setup::Ceremony& c) { return to_python(c.digest()); })
      .def_prop_ro("contributors", &setup::Ceremony::contributors)
      .def_prop_ro("contributions", &rows_of)
      .def("check",
           [](const setup::Ceremony& c) { return without_gil([&] { return setup::check_ceremony(c); }); });

  nb::class_<setup::Powers>(m, "Powers")
      .def_static(
          "start",
          [](const std::vector<std::uint64_t>& sizes, const std::string& path) {
            return without_gil([&] { return unwrap(setup::start(to_axes(sizes), path)); });
          },
          nb::arg("axes"), nb::arg("path"))
      .def_static(
          "open",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return setup::Powers::open(path); }));
          },
          nb::arg("path"))
      .def_prop_ro("ceremony", [](const setup::Powers& powers) { return powers.ceremony(); })
      .def("check",
           [](const setup::Powers& powers) {
             return without_gil([&] { return setup::check_powers(powers); });
           })
      .def(
          "contribute",
          [](const setup::Powers& powers, std::string_view name, const nb::bytes& entropy,
             const std::string& path) {
            const ByteSpan bytes = span_of(entropy);
            return to_pair(without_gil([&] { return unwrap(setup::contribute(powers, name, bytes, path)); }));
          },
          nb::arg("name"), nb::arg("entropy"), nb::arg("path"))
      .def(
          "apply_beacon",
          [](const setup::Powers& powers, std::string_view name, const nb::bytes& value,
             std::uint32_t log_iterations, const std::string& path) {
            const ByteSpan bytes = span_of(value);
            const setup::Beacon beacon{{bytes.begin(), bytes.end()}, log_iterations};
            return to_pair(
                without_gil([&] { return unwrap(setup::apply_beacon(powers, name, beacon, path)); }));
          },
          nb::arg("name"), nb::arg("value"), nb::arg("log_iterations"), nb::arg("path"))
      .def(
          "finalize",
          [](const setup::Powers& powers, const std::vector<std::uint64_t>& sizes) {
            pst::Finalized made = without_gil([&] { return unwrap(pst::finalize(powers, to_axes(sizes))); });
            return std::pair(std::move(made.powers), std::move(made.srs));
          },
          nb::arg("axes"));
}

}  // namespace assay::python
