// What values have beside their fields: ==, hash, pickle, copy, and what a notebook shows.
#pragma once

#include <functional>
#include <new>
#include <string>
#include <utility>

#include "bindings.h"

namespace assay::python {

/// pickle and copy, by a state of plain values.
template <class State, class T>
void bind_state(nb::class_<T>& type, State (*save)(const T&), T (*load)(const State&)) {
  type.def("__getstate__", save).def("__setstate__", [load](T& self, const State& state) {
    new (&self) T(load(state));
  });
}

/// The bounds of a profile as values: ==, hash, pickle, copy, and what a notebook shows. The state of a
/// pickle is the file's text, and what the profile says it was read from.
template <class Profile>
void bind_profile_value(nb::class_<Profile>& type) {
  using State = std::pair<std::string, std::string>;
  bind_equality(type);
  bind_state<State, Profile>(
      type,
      [](const Profile& p) {
        return State{p.to_json(), p.source};
      },
      [](const State& state) {
        Profile profile = unwrap(Profile::from_json(state.first, "pickle"));
        profile.source = state.second;
        return profile;
      });
  type.def("__hash__", [](const Profile& p) { return std::hash<std::string>()(p.to_json()); })
      .def("__repr__", [](const Profile& p) { return printable("Profile(" + p.title() + ")"); })
      .def("_repr_html_", [](const Profile& p) {
        return nb::module_::import_("assay.html").attr("of_json")("Profile: " + p.title(), p.to_json());
      });
}

void bind_verdict(nb::module_& m);

}  // namespace assay::python
