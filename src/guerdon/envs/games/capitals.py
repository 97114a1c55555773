"""Questions that come with guerdon, so that question answering can be tried without a file."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task, derive_seed

CAPITALS = """
Afghanistan Kabul, Albania Tirana, Algeria Algiers, Angola Luanda, Argentina Buenos_Aires,
Armenia Yerevan, Australia Canberra, Austria Vienna, Azerbaijan Baku, Bahrain Manama,
Bangladesh Dhaka, Belarus Minsk, Belgium Brussels, Botswana Gaborone, Brazil Brasília,
Bulgaria Sofia, Cambodia Phnom_Penh, Cameroon Yaoundé, Canada Ottawa, Chad N'Djamena,
Chile Santiago, China Beijing, Colombia Bogotá, Croatia Zagreb, Cuba Havana, Cyprus Nicosia,
Denmark Copenhagen, Ecuador Quito, Egypt Cairo, Estonia Tallinn, Ethiopia Addis_Ababa,
Finland Helsinki, France Paris, Georgia Tbilisi, Germany Berlin, Ghana Accra, Greece Athens,
Guatemala Guatemala_City, Haiti Port-au-Prince, Honduras Tegucigalpa, Hungary Budapest,
Iceland Reykjavik, India New_Delhi, Indonesia Jakarta, Iran Tehran, Iraq Baghdad, Ireland Dublin,
Italy Rome, Jamaica Kingston, Japan Tokyo, Jordan Amman, Kenya Nairobi, Kuwait Kuwait_City,
Laos Vientiane, Latvia Riga, Lebanon Beirut, Liberia Monrovia, Libya Tripoli, Lithuania Vilnius,
Luxembourg Luxembourg, Madagascar Antananarivo, Malawi Lilongwe, Malaysia Kuala_Lumpur,
Mali Bamako, Malta Valletta, Mexico Mexico_City, Moldova Chișinău, Mongolia Ulaanbaatar,
Morocco Rabat, Mozambique Maputo, Namibia Windhoek, Nepal Kathmandu, New_Zealand Wellington,
Nicaragua Managua, Niger Niamey, Nigeria Abuja, Norway Oslo, Oman Muscat, Pakistan Islamabad,
Paraguay Asunción, Peru Lima, Philippines Manila, Poland Warsaw, Portugal Lisbon, Qatar Doha,
Romania Bucharest, Russia Moscow, Rwanda Kigali, Senegal Dakar, Serbia Belgrade,
Singapore Singapore, Slovakia Bratislava, Slovenia Ljubljana, Somalia Mogadishu,
South_Korea Seoul, Spain Madrid, Sudan Khartoum, Sweden Stockholm, Switzerland Bern,
Syria Damascus, Thailand Bangkok, Tunisia Tunis, Turkey Ankara, Uganda Kampala, Ukraine Kyiv,
Uruguay Montevideo, Uzbekistan Tashkent, Venezuela Caracas, Vietnam Hanoi, Zambia Lusaka,
Zimbabwe Harare
"""


@dataclass(frozen=True, kw_only=True)
class CapitalTasks:
    """The capitals of countries.

    Args:
        num_held_out: countries held out.
        seed: decides which.
    """

    num_held_out: int = 30
    seed: int = 0

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Make the tasks.

        Raises:
            ConfigError: nothing is left to train on.
        """
        tasks = [_task(*entry.split()) for entry in CAPITALS.split(",")]
        if not 0 <= self.num_held_out < len(tasks):
            raise ConfigError(f"CapitalTasks: num_held_out must be below {len(tasks)}")
        tasks.sort(key=lambda task: derive_seed(self.seed, "capitals", task.id))
        cut = self.num_held_out
        return TaskSets(train=tuple(tasks[cut:]), held_out=tuple(tasks[:cut]))


def _task(country: str, capital: str) -> Task:
    question = f"What is the capital of {country.replace('_', ' ')}?"
    return Task(
        id=f"capitals/{country}",
        prompt=({"role": "user", "content": question},),
        answer=capital.replace("_", " "),
        domain="capitals",
    )
