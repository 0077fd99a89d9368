// Reading the nested answer, {followeds: [{id, name, places: [{id, name}]}]}, as scripts/bench's `peers` asks for it.
export function documentView(document) {
    const at = new Map(); // place → where it is first shown; the data set's updates are renames, so it stays there
    document().followeds.forEach((followed, i) => followed.places.forEach((place, j) => at.has(place.id) || at.set(place.id, [i, j])));
    return {
        name: (place) => {
            const [i, j] = at.get(place);
            return document().followeds[i].places[j].name;
        },
        rows: () => document().followeds.flatMap(({ id, name, places }) => places.map((place) => [id, name, place.id, place.name])),
    };
}
